(* T12. Calls that are given up, proved. The log l of a run tells which calls were given up, with which error, and how
   many writes they made. `sequential_with l` is the sequential run of the program in which exactly those calls are
   others: they stop after so many writes, made one after another at their place in issue order, and return the error.

   given_up_values: in every reachable state each settled future has its value in that run, in doubt or not.
   given_up_safety: a run that has ended has as many calls, the same values, and the same world.
   given_up_exact: a call that was given up while it was pending, or that writes nothing, is one without any effect.
   nothing_given_up: if none was given up, all this is T1 and T2.

   So of a call in doubt nobody sees half: who might see its writes ran before it, or runs after it has ended. *)
From Coq Require Import List Arith Lia.
From AsyncFC Require Import Machine Independence Invariant Safety GivenUp GivenUpInvariant.
Import ListNotations.

Section GivenUpSafety.
Context {D : Domain}.

(* the sequential run of the program in which the calls that l gives up are as l says *)
Definition sequential_with l p w := sequential (with_fates (fates l) 0 p) [] w.

Theorem given_up_values P0 p w0 l s i v r : gsteps l (GState P0 0 p w0) s -> i < gissued s ->
  snd (gfutures s i) = Settled v r -> nth i (fst (sequential_with l p w0)) dflt = v.
Proof.
  intros S Hi Hv. destruct (view_steps _ _ _ S (GInv_first _ _ _)) as [_ [E _]].
  unfold completion at 1 in E; simpl in E. unfold sequential_with; rewrite E. unfold completion, view; simpl.
  pose proof (see_settled (fates []) _ _ (gstore s) _ _ _ Hi Hv) as R.
  pose proof (complete_length (gissued s) (see (fates []) (gfutures s)) (gstore s)) as L.
  destruct (complete _ _ (gstore s)) as [rs w1]; simpl in *.
  destruct (sequential_prefix (with_fates (fates []) (gissued s) (gprogram s)) rs w1) as [t ->].
  rewrite app_nth1; auto; lia.
Qed.

Theorem given_up_safety P0 p w0 l P n w : gsteps l (GState P0 0 p w0) (GState P n Done w) ->
  (forall i, i < n -> exists v, snd (P i) = Settled v None) ->
  length (fst (sequential_with l p w0)) = n /\ weq w (snd (sequential_with l p w0)) /\
  (forall i, i < n -> snd (P i) = Settled (nth i (fst (sequential_with l p w0)) dflt) None).
Proof.
  intros S A. split; [|split].
  3:{ intros i Hi. destruct (A i Hi) as [v Hv]. rewrite Hv. f_equal. symmetry. eapply given_up_values; eauto. }
  all: destruct (view_steps _ _ _ S (GInv_first _ _ _)) as [_ [E1 E2]];
    unfold completion, view in E1, E2; simpl in E1, E2;
    pose proof (complete_length n (see (fates []) P) w) as L;
    assert (T : snd (complete n (see (fates []) P) w) = w) by
      (apply complete_settled; intros i Hi; destruct (A i Hi) as [v Hv]; exists v; unfold see, see1; simpl; now rewrite Hv);
    unfold sequential_with; destruct (complete n _ w) as [rs w1]; simpl in *.
  - now rewrite E1.
  - intro x; rewrite E2; now rewrite T.
Qed.

(* ------------------------------------------------------------------------------------- exact, and nothing given up *)

Lemma gsteps_mono l s s' : gsteps l s s' -> gissued s <= gissued s' /\ forall i, i < gissued s ->
  fst (gfutures s' i) = fst (gfutures s i) /\
  (forall v r, snd (gfutures s i) = Settled v r -> exists r', snd (gfutures s' i) = Settled v r') /\
  (snd (gfutures s i) <> Issued -> snd (gfutures s' i) <> Issued).
Proof.
  induction 1 as [s|e l s1 s2 s3 S _ [L IH]]; [repeat split; eauto|].
  destruct (gstep_cases _ _ _ S) as [[_ [L' F]]|[j [x [w' [-> [Hj [_ [Nx N]]]]]]]]; simpl in *.
  - split; [lia|]. intros i Hi. rewrite <- (F i Hi). apply IH; lia.
  - split; [lia|]. intros i Hi. destruct (IH i Hi) as [A [B C]]. rewrite gput_call in A.
    destruct (Nat.eq_dec i j) as [->|Ne]; [|rewrite put_ne in B, C by auto; auto].
    rewrite put_eq in B, C; simpl in *. repeat split; auto.
    intros v r E. destruct (N v r E) as [_ [r' E']]. eauto.
Qed.

Lemma gknown_mono l s s' j vs : gsteps l s s' -> j < gissued s ->
  gknown (gfutures s) j vs -> gknown (gfutures s') j vs.
Proof.
  intros S Hj. destruct (gsteps_mono _ _ _ S) as [_ M]. unfold gknown. rewrite (proj1 (M j Hj)).
  induction 1 as [|d v ds us [H1 [r H2]] H IH]; constructor; auto. split; auto.
  apply (proj1 (proj2 (M d ltac:(lia))) v r H2).
Qed.

(* what has not started has not written *)
Lemma pending_wrote_nothing l s s' : gsteps l s s' -> forall j, j < gissued s' -> snd (gfutures s' j) = Issued ->
  written l j = 0.
Proof.
  induction 1 as [|e l s1 s2 s3 S L IH]; intros j Hj E; auto. specialize (IH j Hj E).
  destruct S; simpl; auto;
    try (destruct He as [->| ->]; simpl; auto; fail); destruct (Nat.eqb_spec j0 j); auto; subst; exfalso;
    (destruct (gsteps_mono _ _ _ L) as [_ M]; apply (M j); simpl; auto; rewrite put_eq; discriminate).
Qed.

(* nor has what may write nothing *)
Lemma reader_wrote_nothing l s s' : gsteps l s s' -> GInv s -> forall j vs, gknown (gfutures s') j vs ->
  (forall k, ~ writes (footprint (fst (gfutures s' j)) vs) k) -> written l j = 0.
Proof.
  induction 1 as [|e l s1 s2 s3 S L IH]; intros I j vs Kn N; auto.
  specialize (IH (GInv_step _ _ _ I S) j vs Kn N).
  assert (G : forall q, j < gissued s1 -> under_way (snd (gfutures s1 j)) = Some q ->
            within (footprint (fst (gfutures s3 j)) vs) q).
  { intros q Hj U. destruct (I j q Hj U) as [us [R [W _]]].
    assert (L' : gsteps (e :: l) s1 s3) by (econstructor; eauto).
    rewrite <- (gknown_unique _ _ _ _ (gknown_mono _ _ _ _ _ L' Hj R) Kn).
    destruct (gsteps_mono _ _ _ L') as [_ M]. now rewrite (proj1 (M j Hj)). }
  destruct S; simpl; auto; try (destruct He as [->| ->]; simpl; auto; fail);
    destruct (Nat.eqb_spec j0 j); auto; subst; simpl in *; exfalso;
    (assert (W := G _ Hj ltac:(now rewrite Hs)); inversion W; subst; eapply N; eauto).
Qed.

Lemma written_app l l' j : written (l ++ l') j = written l j + written l' j.
Proof. induction l as [|[|i|i v|i v] l IH]; simpl; auto. destruct (i =? j); simpl; auto. Qed.

Lemma given_up_app l l' j : given_up l j = None -> given_up (l ++ l') j = given_up l' j.
Proof. induction l as [|[|i|i v|i v] l IH]; simpl; auto; destruct (i =? j); auto; discriminate. Qed.

(* what is given up was open, and is settled with that error; for good, if it had not started *)
Lemma gives_up_step e s s' j v : gstep e s s' -> gives_up e j v ->
  j < gissued s /\ gissued s' = gissued s /\ (forall u r, snd (gfutures s j) <> Settled u r) /\
  exists r, snd (gfutures s' j) = Settled v r /\ (snd (gfutures s j) = Issued -> r = None).
Proof.
  intros S G.
  assert (X : forall j' v', gives_up e j' v' -> j' = j /\ v' = v)
    by (intros j' v' [->| ->]; destruct G as [G|G]; now inversion G).
  destruct S; try (destruct G as [G|G]; discriminate);
    (destruct (X j0 v0) as [-> ->]; [auto; now left|]); simpl; rewrite Hs, put_eq; simpl;
    repeat split; auto; try discriminate; eexists; split; eauto; discriminate.
Qed.

(* what is not settled has not been given up *)
Lemma open_not_given_up l s s' : gsteps l s s' -> forall j, j < gissued s' ->
  (forall v r, snd (gfutures s' j) <> Settled v r) -> given_up l j = None.
Proof.
  induction 1 as [|e l s1 s2 s3 S L IH]; intros j Hj N; auto. specialize (IH j Hj N).
  assert (G : forall v, gives_up e j v -> False).
  { intros v He. destruct (gives_up_step _ _ _ _ _ S He) as [Hj' [Is [_ [r [Hr _]]]]].
    destruct (gsteps_mono _ _ _ L) as [_ M]. rewrite Is in M.
    destruct (proj1 (proj2 (M j Hj')) v r Hr) as [r' Hr']. now apply (N v r'). }
  destruct e as [|i|i v|i v]; simpl; auto; destruct (Nat.eqb_spec i j); auto; subst; exfalso; apply (G v);
    [now left|now right].
Qed.

Theorem given_up_exact P0 p w0 l1 s1 e s2 l2 s3 j v :
  gsteps l1 (GState P0 0 p w0) s1 -> gstep e s1 s2 -> gsteps l2 s2 s3 -> gives_up e j v ->
  snd (gfutures s1 j) = Issued \/
  (exists vs, gknown (gfutures s1) j vs /\ forall k, ~ writes (footprint (fst (gfutures s1 j)) vs) k) ->
  fates (l1 ++ e :: l2) j = (Some v, 0).
Proof.
  intros S1 S S2 He C.
  destruct (gives_up_step _ _ _ _ _ S He) as [Hj [Is [N [r [Hr Nr]]]]].
  assert (W : written (l1 ++ e :: l2) j = 0).
  { destruct C as [C|[vs [R Nw]]].
    - rewrite written_app, (pending_wrote_nothing _ _ _ S1 j Hj C). rewrite (Nr C) in Hr.
      assert (E : fates l2 j = (None, 0)) by (eapply ended_no_more; eauto; lia). inversion E as [[E1 E2]].
      destruct He as [->| ->]; simpl; now rewrite E2.
    - assert (L' : gsteps (e :: l2) s1 s3) by (econstructor; eauto).
      rewrite written_app, (reader_wrote_nothing _ _ _ S1 (GInv_first _ _ _) j vs R Nw).
      apply (reader_wrote_nothing _ _ _ L' (proj1 (view_steps _ _ _ S1 (GInv_first _ _ _))) j vs).
      + eapply gknown_mono; eauto.
      + now rewrite (proj1 (proj2 (gsteps_mono _ _ _ L') j Hj)). }
  unfold fates. rewrite W, given_up_app by (eapply open_not_given_up; eauto).
  f_equal. destruct He as [->| ->]; simpl; now rewrite Nat.eqb_refl.
Qed.

Theorem nothing_given_up l p w : (forall j, given_up l j = None) -> sequential_with l p w = sequential p [] w.
Proof.
  intros N. unfold sequential_with. generalize (@nil Val). generalize 0. revert w.
  induction p; simpl; intros w n rs; auto. unfold fated, fates at 1; simpl. rewrite N.
  destruct (run _ w). apply IHp.
Qed.
End GivenUpSafety.
