(* L1. Never slower: a run with futures takes no longer than the synchronous run of the same calls, whatever number of
       workers there is, if both write as long and their calls take as long. If it writes more (placeholders, awaits),
       it is slower by at most that. Sometimes it is faster, and without greedy dispatch it can be slower.

   A run is described by moments, in whole ticks of a clock (durations that are rational numbers have a common tick).
   The decoder writes the segments 0, ..., n: at the end of segment k < n it issues call k, the last one is the answer.
   Before it writes a segment it may wait for calls that it touches there. The synchronous run waits for each call
   before it goes on, so it takes the time of all segments and all calls.

   What is assumed of the run, besides that causes come before effects ([greedy_run]):
     prompt         the decoder does not dawdle: it waits for nothing but calls that it touches;
     starts         dispatch is greedy: an issued call that passes its gates is started, unless all workers are busy, or
                    all those that its tool may have; there is at least one of each;
     lowest_passes  a call passes its gates once every earlier call has ended: so do those of the machine
                    ([machine_lowest_passes]). Of the gates nothing else is assumed: they may be references, conflicts,
                    barriers, or none.
   Which of several calls goes first is not assumed either. A call that fails with no effect, or is held back, is one
   that takes no time. That both runs make the same calls, with the same results, is [safety].

   Not covered: tools that are slower beside others, or dispatch that takes time (then durations are not equal); which
   is why the theorem says nothing of any real run, and simulation and measurement do. Nor tools declared to commute: one
   of their calls may have to wait for a later one (so not lowest_passes). Nor calls that are given up. More workers may
   be slower than few (Graham's anomalies): nothing here says otherwise. *)
From Coq Require Import List Arith Bool Lia.
From AsyncFC Require Machine Progress.
Import ListNotations.

(* --------------------------------------------------------------------------------------------- who is never idle *)

(* a span of time: (begin, length) *)
Definition during t (span : nat * nat) := fst span <= t < fst span + snd span.

(* Spans that leave no gap before m are at least m long together. *)
Lemma no_gap m spans : (forall t, t < m -> Exists (during t) spans) -> m <= list_sum (map snd spans).
Proof.
  intros H. rewrite <- (seq_length m 0).
  assert (L : length (flat_map (fun s => seq (fst s) (snd s)) spans) = list_sum (map snd spans)).
  { clear H. induction spans; simpl; auto. now rewrite app_length, seq_length, IHspans. }
  rewrite <- L. apply NoDup_incl_length; [apply seq_NoDup|].
  intros t Ht. apply in_seq in Ht. destruct (proj1 (Exists_exists _ _) (H t ltac:(lia))) as [s [Hs [A B]]].
  apply in_flat_map. exists s. split; auto. apply in_seq. lia.
Qed.

Lemma list_max_exists t l : t < list_max l -> exists x, In x l /\ t < x.
Proof.
  induction l as [|a l IH]; simpl; [lia|]. intros H. destruct (Nat.lt_ge_cases t a) as [A|A]; [eauto|].
  destruct IH as [x [X1 X2]]; [lia|eauto].
Qed.

(* The lowest number with a property that can be decided. *)
Lemma lowest (f : nat -> nat) t i : t < f i -> exists j, j <= i /\ t < f j /\ forall x, x < j -> f x <= t.
Proof.
  induction i as [i IH] using lt_wf_ind. intros H.
  assert (G : (exists x, x < i /\ t < f x) \/ forall x, x < i -> f x <= t).
  { clear. induction i as [|i [[x [A B]]|A]]; [right; intros; lia|left; exists x; split; auto|].
    destruct (Nat.lt_ge_cases t (f i)) as [B|B]; [left; eauto|].
    right. intros x Hx. destruct (Nat.eq_dec x i); [now subst|apply A; lia]. }
  destruct G as [[x [A B]]|A]; [|exists i; auto].
  destruct (IH x A B) as [j [C E]]. exists j. split; [lia|auto].
Qed.

Lemma sum_seq_S f n : list_sum (map f (seq 0 (S n))) = list_sum (map f (seq 0 n)) + f n.
Proof. rewrite seq_S, map_app, list_sum_app. simpl. lia. Qed.

Lemma sum_le f g n : (forall i, i < n -> f i <= g i) -> list_sum (map f (seq 0 n)) <= list_sum (map g (seq 0 n)).
Proof.
  induction n; intros H; [simpl; lia|]. rewrite !sum_seq_S.
  pose proof (IHn ltac:(intros; apply H; lia)). pose proof (H n ltac:(lia)). lia.
Qed.

Lemma sum_add f g n :
  list_sum (map (fun i => f i + g i) (seq 0 n)) = list_sum (map f (seq 0 n)) + list_sum (map g (seq 0 n)).
Proof. induction n; auto. rewrite !sum_seq_S. lia. Qed.

(* -------------------------------------------------------------------------------------------------------- the runs *)

Section Latency.
Variable n : nat.                               (* calls 0, ..., n - 1 *)

(* The synchronous run: when it has written segment k, having waited for every call before it. *)
Fixpoint synchronous (writing lasts : nat -> nat) k :=
  match k with
  | 0 => writing 0
  | S j => synchronous writing lasts j + lasts j + writing (S j)
  end.

Lemma synchronous_sum writing lasts k : synchronous writing lasts k =
  list_sum (map writing (seq 0 (S k))) + list_sum (map lasts (seq 0 k)).
Proof.
  induction k; [simpl; lia|]. cbn [synchronous]. rewrite IHk, (sum_seq_S writing (S k)), (sum_seq_S lasts). lia.
Qed.

(* A run with futures. *)
Record timed_run := TimedRun {
  writing : nat -> nat;                         (* how long it writes segment k *)
  lasts : nat -> nat;                           (* how long call j takes *)
  begins : nat -> nat;                          (* when it begins to write segment k *)
  starts_at : nat -> nat;                       (* when call j starts *)
  touches : nat -> list nat;                    (* the calls that it waits for before segment k *)
  gates : nat -> nat -> Prop;                   (* call j passes its gates at time t *)
  tool : nat -> nat;
  workers : nat;
  cap : nat -> nat }.                           (* workers for one tool *)

Variable r : timed_run.
Definition issued_at k := begins r k + writing r k.
Definition ended_at j := starts_at r j + lasts r j.
Definition running t := filter (fun j => (starts_at r j <=? t) && (t <? ended_at j)) (seq 0 n).
Definition makespan := list_max (issued_at n :: map ended_at (seq 0 n)).

(* when segment k could begin, if nothing is touched there *)
Definition free k := match k with 0 => 0 | S k => issued_at k end.

Record greedy_run : Prop := {
  in_order : forall k, k <= n -> free k <= begins r k;
  issued_first : forall j, j < n -> issued_at j <= starts_at r j;
  touches_earlier : forall k i, k <= n -> In i (touches r k) -> i < k;
  touch_waits : forall k i, k <= n -> In i (touches r k) -> ended_at i <= begins r k;
  prompt : forall k t, k <= n -> free k <= t < begins r k -> exists i, In i (touches r k) /\ t < ended_at i;
  lowest_passes : forall j t, j < n -> (forall i, i < j -> ended_at i <= t) -> gates r j t;
  starts : forall j t, j < n -> issued_at j <= t < starts_at r j -> gates r j t ->
    workers r <= length (running t) \/
    cap r (tool r j) <= length (filter (fun i => tool r i =? tool r j) (running t));
  a_worker : 1 <= workers r;
  a_worker_each : forall x, 1 <= cap r x }.

Hypothesis G : greedy_run.

Lemma issued_mono i k : i <= k -> k <= n -> issued_at i <= issued_at k.
Proof.
  induction 1 as [|k H IH]; auto. intros L. pose proof (in_order G (S k) L) as O. simpl in O.
  specialize (IH ltac:(lia)). unfold issued_at at 2. lia.
Qed.

(* As long as a call is issued and has not ended, some call is running. *)
Lemma some_call_runs t i : i < n -> issued_at i <= t < ended_at i ->
  exists j, j < n /\ during t (starts_at r j, lasts r j).
Proof.
  intros Hi [I E]. destruct (lowest ended_at t i E) as [j [J [L P]]].
  destruct (Nat.lt_ge_cases t (starts_at r j)) as [S|S].
  2:{ exists j. split; [lia|]. unfold during, ended_at in *; simpl; lia. }
  assert (N : running t <> []).
  { intros N. pose proof (issued_mono j i J ltac:(lia)) as M.
    pose proof (lowest_passes G j t ltac:(lia) P) as Q.
    destruct (starts G j t ltac:(lia) ltac:(lia) Q) as [W|W]; rewrite N in W; simpl in W.
    - pose proof (a_worker G). lia.
    - pose proof (a_worker_each G (tool r j)). lia. }
  destruct (running t) as [|x xs] eqn:X; [congruence|].
  assert (F : In x (running t)) by (rewrite X; now left).
  apply filter_In in F as [F1 F2]. apply in_seq in F1. apply andb_prop in F2 as [A B].
  apply Nat.leb_le in A. apply Nat.ltb_lt in B. exists x. split; [lia|]. unfold during, ended_at in *; simpl; lia.
Qed.

(* Before the end there is always someone at work: the decoder writes, or a call runs. *)
Lemma never_idle t : t < makespan ->
  (exists k, k <= n /\ during t (begins r k, writing r k)) \/ (exists j, j < n /\ during t (starts_at r j, lasts r j)).
Proof.
  intros H. destruct (Nat.lt_ge_cases t (issued_at n)) as [E|E].
  - destruct (lowest issued_at t n E) as [k [K [I P]]].
    destruct (Nat.lt_ge_cases t (begins r k)) as [B|B].
    + right. assert (F : free k <= t) by (destruct k; simpl; [lia|apply P; lia]).
      destruct (prompt G k t K (conj F B)) as [i [T L]]. pose proof (touches_earlier G k i K T).
      apply some_call_runs with i; [lia|]. split; [apply P; lia|auto].
    + left. exists k. split; auto. unfold during, issued_at in *; simpl; lia.
  - right. apply list_max_exists in H as [x [[X|X] L]]; [lia|].
    apply in_map_iff in X as [i [X J]]. apply in_seq in J. subst x.
    apply some_call_runs with i; [lia|]. split; auto. pose proof (issued_mono i n ltac:(lia) (le_n n)). lia.
Qed.

Lemma makespan_sum : makespan <= list_sum (map (writing r) (seq 0 (S n))) + list_sum (map (lasts r) (seq 0 n)).
Proof.
  set (spans := map (fun k => (begins r k, writing r k)) (seq 0 (S n)) ++
                map (fun j => (starts_at r j, lasts r j)) (seq 0 n)).
  assert (E : list_sum (map snd spans) = list_sum (map (writing r) (seq 0 (S n))) + list_sum (map (lasts r) (seq 0 n))).
  { unfold spans. rewrite map_app, list_sum_app, !map_map. reflexivity. }
  rewrite <- E. apply no_gap. intros t Ht. apply Exists_exists.
  destruct (never_idle t Ht) as [[k [K W]]|[j [J W]]]; eexists; (split; [|exact W]); apply in_or_app.
  - left. apply in_map_iff. exists k. split; auto. apply in_seq; lia.
  - right. apply in_map_iff. exists j. split; auto. apply in_seq; lia.
Qed.

(* ------------------------------------------------------------------------------------------------------ the theorem *)

(* [w] and [d] are what the synchronous run writes and how long its calls take; [extra] is what is written beyond. *)
Theorem never_slower_but_for (w d extra : nat -> nat) :
  (forall k, k <= n -> writing r k <= w k + extra k) -> (forall j, j < n -> lasts r j <= d j) ->
  makespan <= synchronous w d n + list_sum (map extra (seq 0 (S n))).
Proof.
  intros W L. pose proof makespan_sum as M. rewrite synchronous_sum.
  pose proof (sum_le (lasts r) d n L) as A.
  pose proof (sum_le (writing r) (fun k => w k + extra k) (S n) ltac:(intros; apply W; lia)) as B.
  rewrite sum_add in B. lia.
Qed.

Theorem never_slower (w d : nat -> nat) :
  (forall k, k <= n -> writing r k = w k) -> (forall j, j < n -> lasts r j = d j) -> makespan <= synchronous w d n.
Proof.
  intros W L. pose proof (never_slower_but_for w d (fun _ => 0)) as H.
  assert (Z : list_sum (map (fun _ => 0) (seq 0 (S n))) = 0) by (clear; induction (seq 0 (S n)); auto).
  rewrite Z, Nat.add_0_r in H. apply H; intros; [rewrite W|rewrite L]; lia.
Qed.
End Latency.

(* ---------------------------------------------------------------------------------------- the gates of the machine *)

(* The futures of a run of the machine at each time: if those that have ended are resolved, and references point back,
   then the gates [known] and [quiet] of the machine are such gates. *)
Theorem machine_lowest_passes {D : Machine.Domain} n r (futures : nat -> nat -> Machine.entry) :
  (forall i t, i < n -> ended_at r i <= t -> exists v, snd (futures t i) = Machine.Resolved v) ->
  (forall j t, Forall (fun i => i < j) (Machine.deps (fst (futures t j)))) ->
  forall j t, j < n -> (forall i, i < j -> ended_at r i <= t) -> exists vs,
    Machine.known (futures t) j vs /\ Machine.quiet (futures t) j (Machine.footprint (fst (futures t j)) vs).
Proof.
  intros R B j t J E. assert (S : Machine.settled (futures t) j) by (intros i I; apply R; auto; lia).
  destruct (Progress.settled_known _ j S (B j t)) as [vs K]. exists vs. split; auto using Progress.settled_quiet.
Qed.

(* -------------------------------------------------------------------------------------- it says something, and why *)

(* Two calls of three ticks each, each written in one: they overlap, both are touched before the answer. *)
Definition overlapping : timed_run := {|
  writing := fun _ => 1; lasts := fun _ => 3;
  begins := fun k => match k with 0 => 0 | 1 => 1 | _ => 5 end;
  starts_at := fun j => match j with 0 => 1 | _ => 2 end;
  touches := fun k => match k with 2 => [0; 1] | _ => [] end;
  gates := fun _ _ => True; tool := fun _ => 0; workers := 3; cap := fun _ => 2 |}.

Theorem sometimes_faster : greedy_run 2 overlapping /\ makespan 2 overlapping = 6 /\
  synchronous (writing overlapping) (lasts overlapping) 2 = 9.
Proof.
  split; [|split; reflexivity]. constructor; unfold issued_at, ended_at, free; cbn; auto.
  - intros [|[|[|k]]]; simpl; lia.
  - intros [|[|j]]; simpl; lia.
  - intros [|[|[|k]]] i; simpl; intuition lia.
  - intros [|[|[|k]]] i; simpl; intuition (subst; simpl; lia).
  - intros [|[|[|k]]] t; simpl; try lia. intros _ H. exists 1. split; [auto|simpl; lia].
  - intros [|[|j]] t; simpl; lia.
Qed.

(* The same calls by a scheduler that lets a ready call wait: slower than running in order, and all else as assumed. *)
Definition dawdling : timed_run := {|
  writing := fun _ => 0; lasts := fun _ => 1; begins := fun _ => 0; starts_at := fun _ => 5; touches := fun _ => [];
  gates := fun _ _ => True; tool := fun _ => 0; workers := 1; cap := fun _ => 1 |}.

Theorem greed_is_needed : makespan 1 dawdling = 6 /\ synchronous (writing dawdling) (lasts dawdling) 1 = 1 /\
  issued_at dawdling 0 <= 0 < starts_at dawdling 0 /\ running 1 dawdling 0 = [].
Proof. repeat split; cbn; lia. Qed.
