(* T9, as core/certificate.py checks it on live runs. In words:

     certify_sound            a run has the sequential outcome if certify accepts a log that is complete;
     certify_intervals_sound  it has, if certify_intervals accepts the calls, and all accesses are within their
                              footprints, and between their starts and ends.

   What corresponds to what:

     core/certificate.py                          here
     Access(future, mode, pattern)                line
     Ran(future, footprint, start, end)           ran; its footprint as the lines that _accesses makes of it
     certify, _Seen.conflicting                   certify, conflicts
     certify_intervals                            certify_intervals
     Pattern.covers, Pattern.overlaps             covers, overlaps
     "complete log"                               records: the log has a line for each access, in order; one line may
                                                  stand for a whole region, and for accesses that happened at one go
     "sound footprints" (H1)                      covered_by: an access keeps to the time and the footprint of a ran
     "deterministic tools", "closed world"        a tool is a proc, and only tools change the store (Machine.v)
     a log in which some calls stand with their   certify_intervals, where a line of the log is a ran of its own that
     footprints (traces/certificates.py)          starts and ends where it stands

   The code finds conflicting lines with a trie of keys, and looks only at the one of the last-issued call; here all are
   looked at. Tests compare the verdicts. They are one-sided: nothing is said of a log that is not accepted (but see
   AlwaysCertified.v).

   Calls that were given up (cancelled, timed out) are in CertificateGivenUp.v. *)
From Coq Require Import String List Arith Lia Bool Sorted.
From AsyncFC Require Import Machine Independence Invariant Certificate.
Import ListNotations.

(* ------------------------------------------------------------------------------------------------ keys and patterns *)

Definition key := list string.

(* a key, or, with `below`, that key and all keys below it *)
Record pattern := Pattern { head : key; below : bool }.

Definition pattern_eq (p q : pattern) : {p = q} + {p <> q}.
Proof. decide equality; [apply bool_dec|apply (list_eq_dec string_dec)]. Defined.

Definition key_is (k l : key) : bool := if list_eq_dec string_dec k l then true else false.

(* every key that q stands for is one that p stands for *)
Definition covers (p q : pattern) : bool :=
  if below p then key_is (firstn (length (head p)) (head q)) (head p)
  else if pattern_eq p q then true else false.

Definition overlaps (p q : pattern) : bool := covers p q || covers q p.

Definition stands_for (p : pattern) (k : key) : Prop := covers p (Pattern k false) = true.

Lemma key_is_true k l : key_is k l = true <-> k = l.
Proof. unfold key_is. destruct (list_eq_dec string_dec k l); split; congruence. Qed.

Lemma covers_exact k q : covers (Pattern k false) q = true -> q = Pattern k false.
Proof. unfold covers; cbn [below]. destruct (pattern_eq (Pattern k false) q); congruence. Qed.

Lemma covers_below (p q k : key) qb : length p <= length q ->
  stands_for (Pattern p true) k -> stands_for (Pattern q true) k -> covers (Pattern p true) (Pattern q qb) = true.
Proof.
  unfold stands_for, covers; simpl. rewrite !key_is_true. intros L P Q.
  rewrite <- Q, firstn_firstn, Nat.min_l; auto.
Qed.

(* the only thing that the certificate needs to know of patterns *)
Lemma overlaps_common p q k : stands_for p k -> stands_for q k -> overlaps p q = true.
Proof.
  unfold overlaps. rewrite orb_true_iff. intros P Q. destruct p as [p [|]], q as [q [|]].
  - destruct (Nat.le_ge_cases (length p) (length q)); eauto using covers_below.
  - apply covers_exact in Q. injection Q as <-. auto.
  - apply covers_exact in P. injection P as <-. auto.
  - apply covers_exact in P. injection P as <-. auto.
Qed.

(* ---------------------------------------------------------------------------------------------------------- certify *)

Record line := Line { issue_no : nat; did : mode; at_pattern : pattern }.

Definition is_write (a : line) : bool := match did a with W => true | R => false end.
Definition conflicts (a b : line) : bool :=
  overlaps (at_pattern a) (at_pattern b) && (is_write a || is_write b).

(* a line of the log that conflicts with one before it, of a call issued later, was overtaken *)
Definition overtaken (seen : list line) (a : line) : bool :=
  existsb (fun b => conflicts b a && (issue_no a <? issue_no b)) seen.

Fixpoint certify_after (seen log : list line) : bool :=
  match log with
  | [] => true
  | a :: log => negb (overtaken seen a) && certify_after (a :: seen) log
  end.
Definition certify := certify_after [].

(* no line of the log was overtaken by one before it *)
Lemma certify_means log :
  certify log = true <-> ForallOrdPairs (fun b a => conflicts b a = true -> issue_no b <= issue_no a) log.
Proof.
  assert (G : forall log seen, certify_after seen log = true <->
    Forall (fun a => overtaken seen a = false) log /\
    ForallOrdPairs (fun b a => conflicts b a = true -> issue_no b <= issue_no a) log).
  { induction log0 as [|a log0 IH]; intros seen; simpl.
    - split; [repeat constructor|auto].
    - rewrite andb_true_iff, negb_true_iff, IH. split.
      + intros (O & F & P). split.
        * constructor; auto. eapply Forall_impl; [|exact F]. simpl. intros b. now rewrite orb_false_iff.
        * constructor; auto. eapply Forall_impl; [|exact F]. simpl. intros b. rewrite orb_false_iff. intros [N _] C.
          rewrite C in N. now apply Nat.ltb_ge.
      + intros (F & P). inversion F; inversion P; subst. repeat split; auto. rewrite Forall_forall in *.
        intros b Ib. simpl. rewrite (H2 b Ib), orb_false_r. destruct (conflicts a b) eqn:C; auto.
        apply Nat.ltb_ge. now apply H5. }
  unfold certify. rewrite G. split; [tauto|]. split; auto. apply Forall_forall. reflexivity.
Qed.

(* ---------------------------------------------------------------------------------------------------- complete logs *)

Section Check.
(* the domain of the machine, with the keys of the log *)
Variables (V : Type) (d : V) (err : V -> bool).
#[local] Instance keyed : Domain :=
  {| Key := key; Val := V; key_eq := list_eq_dec string_dec; dflt := d; is_error := err |}.

(* A line may stand for more than was accessed: for a region, for a write where there were only reads. *)
Definition recorded_by (a : line) (x : access) : Prop :=
  future x = issue_no a /\ (how x = W -> did a = W) /\ stands_for (at_pattern a) (at_key x).

(* Each line stands for accesses of one call that took effect at one go: one access, or a listing, or none at all. *)
Inductive records : list line -> list access -> Prop :=
| records_nil : records [] []
| records_cons a log xs l : Forall (recorded_by a) xs -> records log l -> records (a :: log) (xs ++ l).

Lemma conflict_recorded a b x y : recorded_by a x -> recorded_by b y -> conflict x y -> conflicts a b = true.
Proof.
  intros (_ & Wx & Kx) (_ & Wy & Ky) (_ & K & M). unfold conflicts, is_write.
  rewrite (overlaps_common _ _ (at_key y)); auto; [|now rewrite <- K].
  destruct M as [M|M]; [rewrite (Wx M)|rewrite (Wy M)]; [reflexivity|apply orb_true_r].
Qed.

Lemma overtaken_not seen a b x y : overtaken seen a = false -> In b seen -> recorded_by b x -> recorded_by a y ->
  conflict x y -> future x < future y.
Proof.
  intros O I B A C. pose proof (conflict_recorded _ _ _ _ B A C) as E.
  assert (L : issue_no a <? issue_no b = false).
  { destruct (issue_no a <? issue_no b) eqn:L; auto. rewrite <- O. symmetry. apply existsb_exists.
    exists b. now rewrite E, L. }
  apply Nat.ltb_ge in L. destruct A as [A _], B as [B _], C as [N _]. lia.
Qed.

Lemma certify_after_in_order log l : records log l -> forall seen, certify_after seen log = true ->
  in_order l /\ forall a x y, In a seen -> recorded_by a x -> In y l -> conflict x y -> future x < future y.
Proof.
  induction 1 as [|a log xs l Fa _ IH]; simpl; intros seen C; [tauto|].
  apply andb_true_iff in C as [O C]. apply negb_true_iff in O. destruct (IH _ C) as [I1 I2]. clear IH.
  rewrite Forall_forall in Fa. split.
  - apply in_order_app; auto.
    + apply in_order_one_call with (issue_no a). intros x Ix. now destruct (Fa x Ix).
    + intros x y Ix Iy. apply I2 with a; simpl; auto.
  - intros b x y Ib Bx. rewrite in_app_iff. intros [Iy|Iy].
    + eapply overtaken_not; eauto.
    + apply I2 with b; simpl; auto.
Qed.

Theorem certify_sound P0 p w0 log l P n w : any_steps (State P0 0 p w0) l (State P n Done w) -> settled P n ->
  records log l -> certify log = true -> sequential_outcome p w0 P n w /\ same_by_call l (sequential_log p [] w0).
Proof. intros S A C E. apply (certificate _ _ _ _ _ _ _ S A). now apply (certify_after_in_order _ _ C []). Qed.

(* with a line of its own for each access, certify accepts what is in order, and nothing else *)
Definition exact (x : access) : line := Line (future x) (how x) (Pattern (at_key x) false).

Lemma conflicts_exact x y : conflicts (exact x) (exact y) = true <-> at_key x = at_key y /\ (how x = W \/ how y = W).
Proof.
  unfold conflicts, exact, is_write, overlaps; simpl. rewrite andb_true_iff, !orb_true_iff. split.
  - intros [[C|C] M]; (split; [apply covers_exact in C; congruence|]);
      destruct (how x), (how y); auto; destruct M; discriminate.
  - intros [E M]. split; [left|].
    + unfold covers; cbn [below]. rewrite E. now destruct (pattern_eq _ _).
    + destruct M as [-> | ->]; auto.
Qed.

Lemma certify_exact l : certify (map exact l) = true <-> in_order l.
Proof.
  rewrite certify_means. induction l as [|x l IH]; simpl; [split; [auto|constructor]|]. rewrite <- IH. clear IH.
  split.
  - intros P. inversion P; subst. split; auto. intros y Iy (N & K). rewrite Forall_map, Forall_forall in H1.
    specialize (H1 y Iy (proj2 (conflicts_exact _ _) K)). simpl in H1. lia.
  - intros [O P]. constructor; auto. rewrite Forall_map, Forall_forall. intros y Iy C. simpl.
    apply conflicts_exact in C. destruct (Nat.eq_dec (future x) (future y)) as [->|N]; auto.
    apply Nat.lt_le_incl, O; auto. now split.
Qed.

(* ------------------------------------------------------------------------------------------------ certify_intervals *)

(* A call that ran, or an attempt at one. Its end is None if it is not known to have ended. *)
Record ran := Ran { ran_no : nat; may_read : list pattern; may_write : list pattern; begins : nat; ends : option nat }.

Definition lines_of (r : ran) : list line :=
  map (Line (ran_no r) R) (may_read r) ++ map (Line (ran_no r) W) (may_write r).
Definition meets (a b : ran) : bool := existsb (fun x => existsb (conflicts x) (lines_of b)) (lines_of a).
Definition ended_before (a b : ran) : bool := match ends a with Some e => e <? begins b | None => false end.

(* of any two with conflicting footprints, that of the call issued first ends before the other starts *)
Definition certify_intervals (calls : list ran) : bool :=
  forallb (fun a => forallb (fun b => negb ((ran_no a <? ran_no b) && meets a b) || ended_before a b) calls) calls.

(* the access x, which took effect at time t, keeps to the time and to the footprint of r *)
Definition covered_by (r : ran) (t : nat) (x : access) : Prop :=
  (exists a, In a (lines_of r) /\ recorded_by a x) /\ begins r <= t /\ (forall e, ends r = Some e -> t <= e).

(* accesses with the time at which each took effect; nobody need have logged them *)
Definition rises := StronglySorted (fun x y : nat * access => fst x <= fst y).

Lemma lines_of_no r a : In a (lines_of r) -> issue_no a = ran_no r.
Proof. unfold lines_of. rewrite in_app_iff, !in_map_iff. intros [[? [<- _]]|[? [<- _]]]; reflexivity. Qed.

Lemma conflicts_sym a b : conflicts a b = conflicts b a.
Proof. unfold conflicts, overlaps. now rewrite orb_comm, (orb_comm (is_write a)). Qed.

Lemma intervals_apart calls a b t u x y : certify_intervals calls = true -> In a calls -> In b calls ->
  covered_by a t x -> covered_by b u y -> t <= u -> conflict x y -> future x < future y.
Proof.
  unfold certify_intervals. rewrite forallb_forall. intros C Ia Ib [[p [Ip Px]] [Ba _]] [[q [Iq Qy]] [_ Eb]] T X.
  destruct (le_lt_dec (future y) (future x)) as [L|]; auto. exfalso.
  specialize (C b Ib). rewrite forallb_forall in C. specialize (C a Ia).
  assert (M : meets b a = true).
  { apply existsb_exists. exists q. split; auto. apply existsb_exists. exists p. split; auto.
    rewrite conflicts_sym. eapply conflict_recorded; eauto. }
  assert (N : ran_no b <? ran_no a = true).
  { apply Nat.ltb_lt. destruct Px as [Px _], Qy as [Qy _], X as [X _].
    rewrite <- (lines_of_no _ _ Ip), <- (lines_of_no _ _ Iq). lia. }
  rewrite M, N in C. unfold ended_before in C. destruct (ends b) as [e|]; [|discriminate].
  apply Nat.ltb_lt in C. specialize (Eb e eq_refl). lia.
Qed.

Lemma intervals_in_order calls timed : certify_intervals calls = true -> rises timed ->
  (forall t x, In (t, x) timed -> exists r, In r calls /\ covered_by r t x) -> in_order (map snd timed).
Proof.
  intros C S K. induction S as [|[t x] timed _ IH F]; simpl; auto. split.
  - intros y Iy X. apply in_map_iff in Iy as [[u y'] [Ey Iy]]. simpl in Ey; subst y'.
    rewrite Forall_forall in F. specialize (F _ Iy). simpl in F.
    destruct (K t x) as [a [Ia Ca]]; simpl; auto. destruct (K u y) as [b [Ib Cb]]; simpl; auto.
    eapply (intervals_apart calls a b t u); eauto.
  - apply IH. intros; apply K; simpl; auto.
Qed.

Theorem certify_intervals_sound P0 p w0 calls timed P n w :
  any_steps (State P0 0 p w0) (map snd timed) (State P n Done w) -> settled P n ->
  rises timed -> (forall t x, In (t, x) timed -> exists r, In r calls /\ covered_by r t x) ->
  certify_intervals calls = true -> sequential_outcome p w0 P n w.
Proof. intros S A T K C. apply (certificate _ _ _ _ _ _ _ S A). eapply intervals_in_order; eauto. Qed.
End Check.

(* ------------------------------------------------------------------------------------ what it accepts, and what not *)

Section Examples.
Let file name : pattern := Pattern ["file"; name]%string false.
Let folder : pattern := Pattern ["file"]%string true.

Example in_turn : certify [Line 0 W (file "x"); Line 1 R (file "x")] = true.
Proof. reflexivity. Qed.
Example overtaken_by_a_read : certify [Line 1 R (file "x"); Line 0 W (file "x")] = false.
Proof. reflexivity. Qed.
Example two_reads : certify [Line 1 R (file "x"); Line 0 R (file "x")] = true.
Proof. reflexivity. Qed.
Example two_keys : certify [Line 1 W (file "x"); Line 0 W (file "y")] = true.
Proof. reflexivity. Qed.
Example a_listing : certify [Line 1 R folder; Line 0 W (file "x")] = false.
Proof. reflexivity. Qed.
Example one_after_the_other : certify_intervals [Ran 0 [] [file "x"] 1 (Some 2); Ran 1 [folder] [] 3 (Some 4)] = true.
Proof. reflexivity. Qed.
Example overlapping : certify_intervals [Ran 0 [] [file "x"] 1 (Some 3); Ran 1 [folder] [] 2 (Some 4)] = false.
Proof. reflexivity. Qed.
Example in_doubt : certify_intervals [Ran 0 [] [file "x"] 1 None; Ran 1 [folder] [] 2 (Some 4)] = false.
Proof. reflexivity. Qed.
End Examples.
