(* L2. With more workers than calls, a run takes exactly as long as its longest path.
   L3. With P workers, a run takes at least as long as any path, and as the sum of its calls over P; and at most as long
       as some path and the sum of the calls over P together (Graham 1966, Brent 1974, with the decoder as a processor
       of its own).

   The nodes of a path are segments that are written and calls that run (Latency.v). A segment comes after the segment
   before it and after the calls that are touched there, a call after the segment that issues it and after its
   predecessors. These are the calls that it has to wait for (references, conflicts, and whoever must be known before a
   conflict can be ruled out). Here the gates are just that, and no tool has a cap of its own: with gates that depend on
   anything else, L1 is all that is known. More workers are not always better (Graham's anomalies): L3 does not say so.

   Why: a tick at which some worker is free is one at which whatever has no predecessor left goes on. So the free ticks
   before something ends are at most as many as the length of some path to it (free_path); and the other ticks keep P
   workers busy. *)
From Coq Require Import List Arith Bool Lia.
From AsyncFC Require Import Latency.
Import ListNotations.

(* ------------------------------------------------------------------------------------------------------- counting *)

Lemma latest {A} (f : A -> nat) x l : exists m, In m (x :: l) /\ forall y, In y (x :: l) -> f y <= f m.
Proof.
  revert x. induction l as [|z l IH]; intros x; [exists x; split; [now left|intros y [->|[]]; lia]|].
  destruct (IH z) as [m [M H]]. destruct (Nat.lt_ge_cases (f m) (f x)) as [L|L].
  - exists x. split; [now left|]. intros y [->|Y]; [lia|]. specialize (H y Y). lia.
  - exists m. split; [now right|]. intros y [->|Y]; auto.
Qed.

Definition count (p : nat -> bool) m := length (filter p (seq 0 m)).

Lemma count_S p m : count p (S m) = count p m + if p m then 1 else 0.
Proof. unfold count. rewrite seq_S, filter_app, app_length. simpl. destruct (p m); simpl; lia. Qed.

Lemma count_le p a b : a <= b -> count p a <= count p b <= count p a + (b - a).
Proof.
  induction 1 as [|b H IH]; [lia|]. rewrite count_S. destruct (p b); lia.
Qed.

Lemma count_none p a b : a <= b -> (forall t, a <= t < b -> p t = false) -> count p b = count p a.
Proof.
  induction 1 as [|b H IH]; auto. intros F. rewrite count_S, (F b), IH by (auto; intros; apply F; lia). lia.
Qed.

Lemma count_not p m : count p m + count (fun t => negb (p t)) m = m.
Proof. induction m; auto. rewrite !count_S. destruct (p m); simpl; lia. Qed.

(* those who are counted at each tick, over all ticks; or each one's ticks, over all of them *)
Lemma twice (p : nat -> nat -> bool) n m :
  list_sum (map (fun t => count (fun j => p j t) n) (seq 0 m)) = list_sum (map (fun j => count (p j) m) (seq 0 n)).
Proof.
  induction m as [|m IH].
  - simpl. assert (E : map (fun j => count (p j) 0) (seq 0 n) = map (fun _ => 0) (seq 0 n)) by (apply map_ext; auto).
    rewrite E. clear. induction (seq 0 n); auto.
  - rewrite sum_seq_S, IH. assert (E : forall j, count (p j) (S m) = count (p j) m + if p j m then 1 else 0).
    { intros; apply count_S. }
    rewrite (map_ext _ _ E), sum_add. f_equal. clear. induction n; auto.
    rewrite sum_seq_S, count_S. lia.
Qed.

Lemma count_span p s l m : (forall t, p t = true <-> s <= t < s + l) -> count p m <= l /\ (s + l <= m -> count p m = l).
Proof.
  intros P. assert (A : forall a, a <= s -> count p a = 0).
  { intros a H. rewrite (count_none p 0 a); [reflexivity|lia|].
    intros t T. destruct (p t) eqn:E; auto. apply P in E. lia. }
  assert (B : forall d, d <= l -> count p (s + d) = d).
  { induction d; intros H; [rewrite Nat.add_0_r; apply A; auto|].
    rewrite Nat.add_succ_r, count_S, IHd by lia. assert (p (s + d) = true) as -> by (apply P; lia). lia. }
  assert (C : s + l <= m -> count p m = l).
  { intros H. rewrite (count_none p (s + l) m); auto. intros t T. destruct (p t) eqn:E; auto. apply P in E. lia. }
  split; auto. destruct (Nat.le_ge_cases (s + l) m) as [H|H]; [rewrite C; auto|].
  pose proof (count_le p m (s + l) H). pose proof (B l (le_n l)). lia.
Qed.

(* --------------------------------------------------------------------------------------------------------- the runs *)

Section Bounds.
Variables (n : nat) (r : timed_run) (predecessors : nat -> list nat).

Record run_by_paths : Prop := {
  decoder_in_order : forall k, k <= n -> free r k <= begins r k;
  call_issued : forall j, j < n -> issued_at r j <= starts_at r j;
  touched_earlier : forall k i, k <= n -> In i (touches r k) -> i < k;
  touch_awaited : forall k i, k <= n -> In i (touches r k) -> ended_at r i <= begins r k;
  decoder_prompt : forall k t, k <= n -> free r k <= t < begins r k -> exists i, In i (touches r k) /\ t < ended_at r i;
  earlier : forall j i, j < n -> In i (predecessors j) -> i < j;
  awaited : forall j i, j < n -> In i (predecessors j) -> ended_at r i <= starts_at r j;
  greedy : forall j t, j < n -> issued_at r j <= t < starts_at r j ->
    (forall i, In i (predecessors j) -> ended_at r i <= t) -> workers r <= length (running n r t);
  workers_suffice : forall t, length (running n r t) <= workers r }.

Hypothesis R : run_by_paths.

Inductive node := Segment (k : nat) | Work (j : nat).
Definition weight x := match x with Segment k => writing r k | Work j => lasts r j end.
Definition done x := match x with Segment k => issued_at r k | Work j => ended_at r j end.

Inductive edge : node -> node -> Prop :=
| next_segment k : S k <= n -> edge (Segment k) (Segment (S k))
| touched i k : k <= n -> In i (touches r k) -> edge (Work i) (Segment k)
| issues j : j < n -> edge (Segment j) (Work j)
| precedes i j : j < n -> In i (predecessors j) -> edge (Work i) (Work j).

(* a path that ends with this node, and its length *)
Inductive path : node -> nat -> Prop :=
| path_from k : k <= n -> path (Segment k) (weight (Segment k))
| path_to x y l : path x l -> edge x y -> path y (l + weight y).

Lemma issued_after k : issued_at r k = begins r k + writing r k. Proof. reflexivity. Qed.
Lemma ended_after j : ended_at r j = starts_at r j + lasts r j. Proof. reflexivity. Qed.

(* causes come before effects, so nothing is done before the end of any path to it *)
Lemma path_is_short x l : path x l -> l <= done x.
Proof.
  induction 1 as [k K|x y l P IH E]; simpl; [rewrite issued_after; lia|].
  destruct E as [k K|i k K T|j J|i j J T]; simpl in *; rewrite ?issued_after, ?ended_after in *.
  - pose proof (decoder_in_order R (S k) K) as O. simpl in O. rewrite issued_after in O. lia.
  - pose proof (touch_awaited R k i K T) as O. rewrite ended_after in O. lia.
  - pose proof (call_issued R j J) as O. rewrite issued_after in O. lia.
  - pose proof (awaited R j i J T) as O. rewrite ended_after in O. lia.
Qed.

Definition full t := workers r <=? length (running n r t).
Definition free_ticks := count (fun t => negb (full t)).

Lemma free_ticks_le a b : a <= b -> free_ticks a <= free_ticks b <= free_ticks a + (b - a).
Proof. apply count_le. Qed.

Lemma path_to_segment k : k <= n -> (forall i, i < k -> exists l, path (Work i) l /\ free_ticks (ended_at r i) <= l) ->
  (forall i, i < k -> exists l, path (Segment i) l /\ free_ticks (issued_at r i) <= l) ->
  exists l, path (Segment k) l /\ free_ticks (issued_at r k) <= l.
Proof.
  intros K C D. destruct k as [|k].
  - exists (weight (Segment 0)). split; [now constructor|]. simpl.
    assert (B : begins r 0 = 0).
    { destruct (Nat.eq_dec (begins r 0) 0) as [|B]; auto.
      destruct (decoder_prompt R 0 0 K) as [i [T _]]; [simpl; lia|]. pose proof (touched_earlier R 0 i K T). lia. }
    rewrite issued_after, B. pose proof (free_ticks_le 0 (writing r 0)) as F. change (free_ticks 0) with 0 in F.
    simpl. lia.
  - destruct (latest done (Segment k) (map Work (touches r (S k)))) as [x [X M]].
    assert (P : exists l, path x l /\ free_ticks (done x) <= l).
    { destruct X as [<-|X]; [apply D; lia|]. apply in_map_iff in X as [i [<- T]]. apply C.
      apply (touched_earlier R (S k) i K T). }
    assert (E : edge x (Segment (S k))).
    { destruct X as [<-|X]; [now constructor|]. apply in_map_iff in X as [i [<- T]]. now constructor. }
    assert (B : begins r (S k) <= done x).
    { destruct (Nat.lt_ge_cases (done x) (begins r (S k))) as [L|L]; auto.
      destruct (decoder_prompt R (S k) (done x) K) as [i [T Q]].
      - split; auto. simpl. apply (M (Segment k)). now left.
      - specialize (M (Work i)). simpl in M. assert (ended_at r i <= done x); [|lia].
        apply M. right. now apply in_map. }
    destruct P as [l [P Q]]. exists (l + weight (Segment (S k))). split; [eapply path_to; eauto|].
    rewrite issued_after. simpl weight.
    pose proof (free_ticks_le (begins r (S k)) (begins r (S k) + writing r (S k)) ltac:(lia)).
    pose proof (free_ticks_le _ _ B). lia.
Qed.

Lemma path_to_work j : j < n -> (forall i, i < j -> exists l, path (Work i) l /\ free_ticks (ended_at r i) <= l) ->
  (exists l, path (Segment j) l /\ free_ticks (issued_at r j) <= l) ->
  exists l, path (Work j) l /\ free_ticks (ended_at r j) <= l.
Proof.
  intros J C D. destruct (latest done (Segment j) (map Work (predecessors j))) as [x [X M]].
  assert (P : exists l, path x l /\ free_ticks (done x) <= l).
  { destruct X as [<-|X]; [auto|]. apply in_map_iff in X as [i [<- T]]. apply C. apply (earlier R j i J T). }
  assert (E : edge x (Work j)).
  { destruct X as [<-|X]; [now constructor|]. apply in_map_iff in X as [i [<- T]]. now constructor. }
  assert (B : done x <= starts_at r j).
  { destruct X as [<-|X]; [apply (call_issued R j J)|].
    apply in_map_iff in X as [i [<- T]]. apply (awaited R j i J T). }
  assert (F : free_ticks (starts_at r j) = free_ticks (done x)).
  { apply count_none; auto. intros t T. apply negb_false_iff, Nat.leb_le. apply (greedy R j t J).
    - split; [|lia]. specialize (M (Segment j) ltac:(now left)). simpl in M. lia.
    - intros i I. specialize (M (Work i) ltac:(right; now apply in_map)). simpl in M. lia. }
  destruct P as [l [P Q]]. exists (l + weight (Work j)). split; [eapply path_to; eauto|].
  rewrite ended_after. simpl weight.
  pose proof (free_ticks_le (starts_at r j) (starts_at r j + lasts r j) ltac:(lia)). lia.
Qed.

Lemma free_paths m : (forall k, k < m -> k <= n -> exists l, path (Segment k) l /\ free_ticks (issued_at r k) <= l) /\
  (forall j, j < m -> j < n -> exists l, path (Work j) l /\ free_ticks (ended_at r j) <= l).
Proof.
  induction m as [|m [S W]]; [split; intros; lia|].
  assert (A : m <= n -> exists l, path (Segment m) l /\ free_ticks (issued_at r m) <= l).
  { intros M. apply path_to_segment; auto; intros i I; [apply W|apply S]; lia. }
  split; intros k K L; (destruct (Nat.eq_dec k m); [subst k|]).
  - auto.
  - apply S; lia.
  - apply path_to_work; auto; [intros i I; apply W; lia|apply A; lia].
  - apply W; lia.
Qed.

Lemma free_path : exists x l, path x l /\ free_ticks (makespan n r) <= l.
Proof.
  destruct (free_paths (S n)) as [S W].
  assert (L : exists x, makespan n r = done x /\ (x = Segment n \/ exists j, j < n /\ x = Work j)).
  { unfold makespan. destruct (latest (fun t => t) (issued_at r n) (map (ended_at r) (seq 0 n))) as [m [M H]].
    assert (E : list_max (issued_at r n :: map (ended_at r) (seq 0 n)) = m).
    { apply Nat.le_antisymm; [apply list_max_le, Forall_forall; auto|].
      pose proof (proj1 (list_max_le _ _) (le_n (list_max (issued_at r n :: map (ended_at r) (seq 0 n))))) as F.
      rewrite Forall_forall in F. auto. }
    rewrite E. destruct M as [<-|M]; [exists (Segment n); auto|].
    apply in_map_iff in M as [j [<- J]]. apply in_seq in J.
    exists (Work j). split; auto. right. exists j. split; auto; lia. }
  destruct L as [x [-> [->|[j [J ->]]]]].
  - destruct (S n ltac:(lia) (le_n n)) as [l P]. eauto.
  - destruct (W j ltac:(lia) J) as [l P]. eauto.
Qed.

Lemma done_by_makespan x l : path x l -> done x <= makespan n r.
Proof.
  intros P. assert (B : match x with Segment k => k <= n | Work j => j < n end).
  { destruct P as [k K|x y l P E]; auto. destruct E; auto. }
  pose proof (proj1 (list_max_le _ _) (le_n (makespan n r))) as F. rewrite Forall_forall in F.
  destruct x as [k|j]; simpl.
  - assert (M : forall i k, i <= k -> k <= n -> issued_at r i <= issued_at r k).
    { clear - R. intros i k. induction 1 as [|k H IH]; auto. intros L. pose proof (decoder_in_order R (S k) L) as O.
      simpl in O. specialize (IH ltac:(lia)). rewrite (issued_after (S k)). lia. }
    transitivity (issued_at r n); [apply M; auto|]. apply F. now left.
  - apply F. right. apply in_map_iff. exists j. split; auto. apply in_seq; lia.
Qed.

Definition busy j t := (starts_at r j <=? t) && (t <? ended_at r j).

Lemma busy_span j t : busy j t = true <-> starts_at r j <= t < starts_at r j + lasts r j.
Proof. unfold busy, ended_at. rewrite andb_true_iff, Nat.leb_le, Nat.ltb_lt. reflexivity. Qed.

Lemma running_count t : length (running n r t) = count (fun j => busy j t) n. Proof. reflexivity. Qed.

Definition work := list_sum (map (lasts r) (seq 0 n)).

(* the ticks that the workers worked are the work *)
Lemma all_work : list_sum (map (fun t => length (running n r t)) (seq 0 (makespan n r))) = work.
Proof.
  rewrite (map_ext _ _ running_count), twice. unfold work. f_equal. apply map_ext_in. intros j J. apply in_seq in J.
  apply (count_span _ (starts_at r j) (lasts r j)); [apply busy_span|].
  pose proof (proj1 (list_max_le _ _) (le_n (makespan n r))) as F. rewrite Forall_forall in F. apply F.
  right. apply in_map_iff. exists j. split; auto. apply in_seq; lia.
Qed.

(* ----------------------------------------------------------------------------------------------------- the theorems *)

Theorem at_least : (forall x l, path x l -> l <= makespan n r) /\ work <= workers r * makespan n r.
Proof.
  split.
  - intros x l P. pose proof (path_is_short x l P). pose proof (done_by_makespan x l P). lia.
  - rewrite <- all_work. generalize (makespan n r). induction n0; [simpl; lia|].
    rewrite sum_seq_S. pose proof (workers_suffice R n0). lia.
Qed.

Theorem at_most : exists x l, path x l /\ workers r * makespan n r <= workers r * l + work.
Proof.
  destruct free_path as [x [l [P F]]]. exists x, l. split; auto.
  assert (B : workers r * count full (makespan n r) <= work).
  { rewrite <- all_work. generalize (makespan n r). induction n0; [unfold count; simpl; lia|].
    rewrite sum_seq_S, count_S. destruct (full n0) eqn:E; [apply Nat.leb_le in E|]; lia. }
  pose proof (count_not full (makespan n r)) as C. change (count (fun t => negb (full t))) with free_ticks in C.
  rewrite <- C at 1. rewrite Nat.mul_add_distr_l. apply Nat.mul_le_mono_l with (p := workers r) in F. lia.
Qed.

Theorem longest_path : n < workers r -> exists x l, path x l /\ makespan n r = l /\ forall y m, path y m -> m <= l.
Proof.
  intros W. destruct free_path as [x [l [P F]]]. pose proof (proj1 at_least) as A.
  assert (E : free_ticks (makespan n r) = makespan n r).
  { pose proof (count_not full (makespan n r)) as C. change (count (fun t => negb (full t))) with free_ticks in C.
    rewrite (count_none full 0) in C; [exact C|lia|]. intros t _. apply Nat.leb_gt. rewrite running_count.
    pose proof (count_le (fun j => busy j t) 0 n (Nat.le_0_l n)) as L. change (count _ 0) with 0 in L. lia. }
  exists x, l. pose proof (A x l P). split; [auto|split; [lia|]]. intros y m Q. pose proof (A y m Q). lia.
Qed.
End Bounds.

(* The example of Latency.v is such a run, with more workers than calls, and takes as long as its longest path: two
   segments, the second call, and the answer. *)
Theorem overlapping_by_paths : run_by_paths 2 overlapping (fun _ => []) /\ 2 < workers overlapping /\
  path 2 overlapping (fun _ => []) (Segment 2) (makespan 2 overlapping).
Proof.
  split.
  - constructor; unfold issued_at, ended_at, free; cbn; auto.
    + intros [|[|[|k]]]; simpl; lia.
    + intros [|[|j]]; simpl; lia.
    + intros [|[|[|k]]] i; simpl; intuition lia.
    + intros [|[|[|k]]] i; simpl; intuition (subst; simpl; lia).
    + intros [|[|[|k]]] t; simpl; try lia. intros _ H. exists 1. split; [auto|simpl; lia].
    + intros j i _ [].
    + intros j i _ [].
    + intros [|[|j]] t; simpl; lia.
    + intros t. apply le_S. exact (proj2 (count_le (fun j => busy overlapping j t) 0 2 (Nat.le_0_l 2))).
  - split; [simpl; lia|]. assert (A : path 2 overlapping (fun _ => []) (Segment 0) 1) by (constructor; lia).
    assert (B : path 2 overlapping (fun _ => []) (Segment 1) 2).
    { refine (path_to _ _ _ (Segment 0) (Segment 1) 1 A _). constructor. lia. }
    assert (C : path 2 overlapping (fun _ => []) (Work 1) 5).
    { refine (path_to _ _ _ (Segment 1) (Work 1) 2 B _). constructor. lia. }
    refine (path_to _ _ _ (Work 1) (Segment 2) 5 C _). constructor; simpl; auto.
Qed.
