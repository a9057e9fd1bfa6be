(* T12, progress: calls that are given up bring no deadlock, and no infinite schedule.

   The lowest call that has not ended never waits for another: what it waits for at most is that its tool, in doubt, ends.
   Whether it does is for the tool to say: one that hangs keeps its keys, and those who need them wait. *)
From Coq Require Import List Arith Lia.
From AsyncFC Require Import Machine Independence Progress Termination GivenUp GivenUpInvariant.
Import ListNotations.

Section GivenUpProgress.
Context {D : Domain}.

Definition gended (P : nat -> future) n := forall i, i < n -> exists v, snd (P i) = Settled v None.

Definition GWF s := wf_prog (gissued s) (gprogram s) /\
  forall j, j < gissued s -> Forall (fun d => d < j) (deps (fst (gfutures s j))).

Lemma GWF_first P0 p w0 : wf_prog 0 p -> GWF (GState P0 0 p w0).
Proof. split; simpl; auto; intros; lia. Qed.

Lemma GWF_put P n p w w' j x : GWF (GState P n p w) -> GWF (GState (put P j (fst (P j), x)) n p w').
Proof. intros [W F]; split; simpl; auto. intros i Hi. rewrite gput_call. now apply F. Qed.

Lemma GWF_step e s s' : GWF s -> gstep e s s' -> GWF s'.
Proof.
  intros W S; destruct S; try (eapply GWF_put; exact W).
  - destruct W as [W F]; inversion W; subst. split; simpl; auto.
    intros i Hi; destruct (Nat.eq_dec i n); [subst; now rewrite put_eq|].
    rewrite put_ne by auto; apply F; simpl; lia.
  - destruct W as [W F]; inversion W; subst. split; simpl; auto.
Qed.

Lemma lowest_not_ended (P : nat -> future) n : gended P n \/
  exists j, j < n /\ (forall v, snd (P j) <> Settled v None) /\ gended P j.
Proof.
  unfold gended. induction n as [|n [IH|[j [A [B C]]]]]; [left; intros; lia| |right; exists j; auto].
  destruct (snd (P n)) as [|q|v [q|]] eqn:E;
    [right|right|right|left]; try (exists n; repeat split; auto; congruence).
  intros i Hi; destruct (Nat.eq_dec i n); [subst; eauto|apply IH; lia].
Qed.

Lemma gended_known P j : gended P j -> Forall (fun d => d < j) (deps (fst (P j))) -> exists vs, gknown P j vs.
Proof.
  intros A. unfold gknown. generalize (deps (fst (P j))).
  induction l as [|d l IH]; intros F; [exists []; constructor|]. inversion F; subst.
  destruct (IH H2) as [vs K]. destruct (A d H1) as [v Hv]. exists (v :: vs); constructor; eauto.
Qed.

Theorem given_up_progress s : GWF s ->
  (exists e s', gstep e s s') \/ (gprogram s = Done /\ gended (gfutures s) (gissued s)).
Proof.
  destruct s as [P n p w]; intros [W F]; simpl in *.
  destruct (lowest_not_ended P n) as [A|[j [Hj [N A]]]].
  - inversion W; subst; [right; auto|left; do 2 eexists; apply gissue|].
    destruct (A i H) as [v Hv]. left; do 2 eexists; eapply gtouch; eauto.
  - left. destruct (snd (P j)) as [|q|v [q|]] eqn:E.
    + destruct (gended_known P j A (F j Hj)) as [vs K].
      do 2 eexists; eapply gstart; eauto. intros i Hi; left; auto.
    + destruct q as [v|k q|k v q].
      * destruct (is_error v) eqn:X; do 2 eexists; [eapply gfail; eauto|eapply gfinish; eauto].
      * do 2 eexists; eapply gread; eauto.
      * do 2 eexists; eapply gwrite; eauto.
    + do 2 eexists; eapply end_in_doubt; eauto.
    + now destruct (N v).
Qed.

(* ----------------------------------------------------------------------------------------------------- termination *)

Inductive gages : life -> life -> Prop :=
| gages_start p : gages (Started p) Issued
| gages_cancel v : gages (Settled v None) Issued
| gages_read k q x : gages (Started (q x)) (Started (Read k q))
| gages_write k x q : gages (Started q) (Started (Write k x q))
| gages_settle v r q : (r = None \/ r = Some q) -> gages (Settled v r) (Started q)
| gages_read_in_doubt v k q x : gages (Settled v (Some (q x))) (Settled v (Some (Read k q)))
| gages_write_in_doubt v k x q : gages (Settled v (Some q)) (Settled v (Some (Write k x q)))
| gages_end v q : gages (Settled v None) (Settled v (Some q)).

Lemma gages_wf a : Acc gages a.
Proof.
  assert (R : forall v, Acc gages (Settled v None)) by (intros; constructor; intros y H; inversion H).
  assert (Q : forall p v, Acc gages (Settled v (Some p))).
  { induction p; intros; constructor; intros y Hy; inversion Hy; subst; auto. }
  assert (U : forall p, Acc gages (Started p)).
  { induction p; constructor; intros y Hy; inversion Hy; subst; auto;
      match goal with H : _ \/ _ |- _ => destruct H; subst; auto end. }
  destruct a as [|p|v [p|]]; auto. constructor; intros y H; inversion H; subst; auto.
Qed.

Inductive gdecodes : gstate -> gstate -> Prop :=
| gdecodes_let P n c p w P' : gdecodes (GState P n (Let c p) w) (GState P' (S n) p w)
| gdecodes_touch P n i p w v : gdecodes (GState P n (Touch i p) w) (GState P n (p v) w).

Lemma gstep_moves e P n p w s' : gstep e (GState P n p w) s' -> gdecodes (GState P n p w) s' \/
  exists j x w', j < n /\ gages x (snd (P j)) /\ s' = GState (put P j (fst (P j), x)) n p w'.
Proof.
  intros S; inversion S; subst; try (left; constructor); right; do 3 eexists;
    (split; [|split]; [| |reflexivity]; auto);
    match goal with H : snd _ = _ |- _ => rewrite H end; constructor; auto.
Qed.

Theorem given_up_terminating s : Acc (fun s' s => exists e, gstep e s s') s.
Proof.
  assert (G : forall p, (forall P n w s', gdecodes (GState P n p w) s' -> Acc (fun s' s => exists e, gstep e s s') s') ->
              forall n P w, Acc (fun s' s => exists e, gstep e s s') (GState P n p w)).
  { intros p H n P. induction (pool_ages_wf snd gages gages_wf n P) as [P _ IH]. intro w. constructor. intros s' [e S].
    destruct (gstep_moves _ _ _ _ _ _ S) as [C|[j [x [w' [Hj [Ax ->]]]]]]; [eauto|].
    apply IH. now apply pool_ages_put. }
  destruct s as [P n p w]. revert P n w. induction p; intros P n w; apply G; intros P1 n1 w1 s' C;
    inversion C; subst; auto.
Qed.
End GivenUpProgress.
