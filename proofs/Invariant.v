(* The heart of the proof. No permutations: one function of the state, its `completion`, is left alone by every rule.

     completion s = the results and the world if, from s on, everything were done one by one: first each call that was
                    issued, in issue order, from where it is now to its end; then the rest of the program.

   In the first state that is the sequential run; in the last there is nothing left to complete. So if no step changes
   it, every run ends as the sequential one does (Safety.v).

   Only [read] and [write] could change it, and they do not: whatever an earlier call still has to do is independent of
   the call that reads or writes (quiet). The other rules only move the boundary between what is done and what is not. *)
From Coq Require Import List Arith Lia.
From AsyncFC Require Import Machine Independence.
Import ListNotations.

Section Invariant.
Context {D : Domain}.

Definition complete1 (rs : list Val) (e : entry) (w : world) : Val * world :=
  match snd e with
  | Resolved v => (v, w)
  | Running p => run p w
  | Pending => run (body (fst e) (args rs (deps (fst e)))) w
  end.

(* the first n calls, in issue order *)
Fixpoint complete (n : nat) (P : nat -> entry) (w : world) : list Val * world :=
  match n with
  | 0 => ([], w)
  | S m => let (rs, w1) := complete m P w in let (v, w2) := complete1 rs (P m) w1 in (rs ++ [v], w2)
  end.

Definition completion (s : state) :=
  let (rs, w) := complete (issued s) (futures s) (store s) in sequential (program s) rs w.

(* ------------------------------------------------------------------------------------ what `complete` depends on *)

Lemma complete1_weq rs e w w' : weq w w' -> oeq (complete1 rs e w) (complete1 rs e w').
Proof. unfold complete1; destruct (snd e); intros; try (now apply run_weq); now split. Qed.

Lemma complete_ext n P Q w : (forall i, i < n -> P i = Q i) -> complete n P w = complete n Q w.
Proof. induction n; simpl; intros H; auto. rewrite IHn, H; auto. Qed.

Lemma complete_put n P w j e : n <= j -> complete n (put P j e) w = complete n P w.
Proof. intros; apply complete_ext; intros; now rewrite put_ne by lia. Qed.

Lemma complete_length n P w : length (fst (complete n P w)) = n.
Proof.
  induction n; simpl; auto. destruct (complete n P w), (complete1 l (P n) w0); simpl in *.
  rewrite app_length; simpl; lia.
Qed.

Lemma complete_value n P w i v : i < n -> (forall rs w', fst (complete1 rs (P i) w') = v) ->
  nth i (fst (complete n P w)) dflt = v.
Proof.
  induction n; intros Hi Hv; [lia|]. simpl. pose proof (complete_length n P w) as L.
  destruct (complete n P w) as [rs w1]; simpl in *. pose proof (Hv rs w1) as V.
  destruct (complete1 rs (P n) w1) as [u w2] eqn:E; simpl. destruct (Nat.eq_dec i n).
  - subst i. rewrite E in V; simpl in V. rewrite app_nth2 by lia. now rewrite L, Nat.sub_diag.
  - rewrite app_nth1 by lia. apply IHn; auto; lia.
Qed.

Lemma complete_resolved n P w i v :
  i < n -> snd (P i) = Resolved v -> nth i (fst (complete n P w)) dflt = v.
Proof. intros Hi Hv. apply complete_value; auto. intros; unfold complete1; now rewrite Hv. Qed.

Lemma complete_known P j vs w : known P j vs -> args (fst (complete j P w)) (deps (fst (P j))) = vs.
Proof.
  unfold known, args. induction 1 as [|d v ds vs [Hd Hv]]; simpl; auto.
  f_equal; auto. now apply complete_resolved.
Qed.

Lemma known_unique P j vs vs' : known P j vs -> known P j vs' -> vs = vs'.
Proof.
  intros A B. rewrite <- (complete_known P j vs (fun _ => dflt) A). now apply complete_known.
Qed.

Lemma known_agrees P j vs : known P j vs -> agrees P j vs.
Proof.
  unfold known, agrees. induction 1 as [|d v ds vs [_ E] _ IH]; constructor; auto. intros u _ E'; congruence.
Qed.

Lemma complete_agrees P j w : agrees P j (args (fst (complete j P w)) (deps (fst (P j)))).
Proof.
  unfold agrees, args. induction (deps (fst (P j))) as [|d ds IH]; simpl; constructor; auto.
  intros u Hd Hu. now apply complete_resolved.
Qed.

(* once a call is completed to the same result and world, so are the calls after it *)
Lemma complete_suffix n j P Q w w' : j < n -> (forall i, j < i -> P i = Q i) ->
  oeq (complete (S j) P w) (complete (S j) Q w') -> oeq (complete n P w) (complete n Q w').
Proof.
  intros Hj HPQ H. induction n; [lia|]. destruct (Nat.eq_dec j n); [subst; auto|].
  destruct IHn as [E1 E2]; [lia|]. change (oeq (complete (S n) P w) (complete (S n) Q w')). simpl.
  destruct (complete n P w) as [rs1 u1], (complete n Q w') as [rs2 u2]; simpl in *; subst.
  rewrite (HPQ n) by lia. destruct (complete1_weq rs2 (Q n) _ _ E2) as [F1 F2].
  destruct (complete1 rs2 (Q n) u1), (complete1 rs2 (Q n) u2); simpl in *; subst; now split.
Qed.

Lemma completion_put P n p w w' j e : j < n ->
  oeq (complete (S j) P w) (complete (S j) (put P j e) w') ->
  oeq (completion (State P n p w)) (completion (State (put P j e) n p w')).
Proof.
  intros Hj H. unfold completion; simpl.
  destruct (complete_suffix n j P (put P j e) w w' Hj) as [E1 E2]; auto.
  { intros; now rewrite put_ne by lia. }
  destruct (complete n P w), (complete n (put P j e) w'); simpl in *; subst. now apply sequential_weq.
Qed.

(* ----------------------------------------------------- what holds of a running call from its start until its end *)

Definition admitted P j p vs :=
  known P j vs /\ within (footprint (fst (P j)) vs) p /\ quiet P j (footprint (fst (P j)) vs).

Definition Inv (s : state) := forall j p,
  j < issued s -> snd (futures s j) = Running p -> exists vs, admitted (futures s) j p vs.

Lemma known_mono P Q j vs : fst (P j) = fst (Q j) ->
  (forall i v, i < j -> snd (P i) = Resolved v -> snd (Q i) = Resolved v) -> known P j vs -> known Q j vs.
Proof.
  unfold known; intros E H R. rewrite <- E.
  induction R as [|d v ds vs' [H1 H2] R IH]; constructor; auto.
Qed.

Lemma agrees_mono P Q j vs : fst (P j) = fst (Q j) ->
  (forall i v, i < j -> snd (P i) = Resolved v -> snd (Q i) = Resolved v) -> agrees Q j vs -> agrees P j vs.
Proof.
  unfold agrees; intros E H R. rewrite E. induction R as [|d v ds vs' H1 R IH]; constructor; auto.
Qed.

Lemma quiet_mono P Q j f : (forall i, i < j -> fst (P i) = fst (Q i)) ->
  (forall i v, i < j -> snd (P i) = Resolved v -> snd (Q i) = Resolved v) -> quiet P j f -> quiet Q j f.
Proof.
  intros E M H i Hi. destruct (H i Hi) as [[v Hv]|[[vs [R I]]|I]].
  - left; eauto.
  - right; left; exists vs; split; [|now rewrite <- E].
    apply known_mono with P; auto. intros; apply M; auto; lia.
  - right; right. rewrite <- E by auto. intros vs A. apply I. apply agrees_mono with Q; auto.
    intros; apply M; auto; lia.
Qed.

Lemma admitted_mono P Q j p vs : (forall i, i <= j -> fst (P i) = fst (Q i)) ->
  (forall i v, i < j -> snd (P i) = Resolved v -> snd (Q i) = Resolved v) -> admitted P j p vs -> admitted Q j p vs.
Proof.
  intros E M [R [W Q']]. repeat split.
  - apply known_mono with P; auto.
  - now rewrite <- E by auto.
  - apply quiet_mono with P; [intros; apply E; lia|auto|now rewrite <- E by auto].
Qed.

Lemma Inv_put P n p w p' w' j s : Inv (State P n p w) -> (forall v, snd (P j) <> Resolved v) ->
  (forall q, s = Running q -> exists vs, admitted P j q vs) ->
  Inv (State (put P j (fst (P j), s)) n p' w').
Proof.
  intros I N H i q Hi E. simpl in *.
  assert (G : exists vs, admitted P i q vs).
  { destruct (Nat.eq_dec i j); [subst; rewrite put_eq in E; now apply H|].
    rewrite put_ne in E by auto. now apply (I i). }
  destruct G as [vs G]. exists vs. apply admitted_mono with P; auto.
  - intros; now rewrite put_call.
  - intros; now apply put_resolved.
Qed.

Lemma Inv_step s s' : Inv s -> step s s' -> Inv s'.
Proof.
  intros I S; destruct S.
  - intros j q Hj E; simpl in *. destruct (Nat.eq_dec j n).
    { subst; rewrite put_eq in E; discriminate. }
    rewrite put_ne in E by auto. destruct (I j q) as [vs G]; simpl; auto; [lia|].
    exists vs. apply admitted_mono with P; auto; intros; now rewrite put_ne by lia.
  - exact I.
  - eapply Inv_put; eauto; [congruence|]. intros q E; inversion E; subst. exists vs.
    repeat split; auto using sound.
  - eapply Inv_put; eauto; [congruence|]. intros q' E; inversion E; subst.
    destruct (I j _ Hj Hs) as [vs [R [W Q]]]; simpl in *. inversion W; subst. exists vs; repeat split; auto.
  - eapply Inv_put; eauto; [congruence|]. intros q' E; inversion E; subst.
    destruct (I j _ Hj Hs) as [vs [R [W Q]]]; simpl in *. inversion W; subst. exists vs; repeat split; auto.
  - eapply Inv_put; eauto; [congruence|]. discriminate.
  - eapply Inv_put; eauto; [congruence|]. discriminate.
Qed.

(* --------------------------------------------- what is left of the calls before a quiet one does not get in its way *)

(* call m has ended, or all that it still does is within a footprint that is independent of f *)
Definition calm P w f m := (exists v, snd (P m) = Resolved v) \/
  (exists p g, within g p /\ indep g f /\ forall w', complete1 (fst (complete m P w)) (P m) w' = run p w').

(* [read]: completing calm calls first would not change the key that is read *)
Lemma calm_frame P f k w : acc f k -> forall j, (forall m, m < j -> calm P w f m) -> snd (complete j P w) k = w k.
Proof.
  intros A. induction j; intros C; auto. simpl.
  specialize (IHj (fun m H => C m (Nat.lt_lt_succ_r _ _ H))). pose proof (C j (Nat.lt_succ_diag_r j)) as H.
  unfold calm in H. destruct (complete j P w) as [rs w1]; simpl in *. destruct H as [[v Hv]|[p [g [W [Df E]]]]].
  - unfold complete1; rewrite Hv; auto.
  - rewrite E. pose proof (run_frame g p W k w1) as F. destruct (run p w1); simpl in *.
    rewrite F; auto. intro X; now apply (proj1 (Df k) X).
Qed.

(* [write]: it may as well be done after they are completed *)
Lemma calm_upd P f k v w : writes f k -> forall j, (forall m, m < j -> calm P w f m) ->
  oeq (complete j P (upd w k v)) (fst (complete j P w), upd (snd (complete j P w)) k v).
Proof.
  intros A. induction j; intros C; [split; simpl; auto; intro; auto|]. simpl.
  destruct (IHj (fun m H => C m (Nat.lt_lt_succ_r _ _ H))) as [E1 E2]. pose proof (C j (Nat.lt_succ_diag_r j)) as H.
  unfold calm in H.
  destruct (complete j P w) as [rs w1], (complete j P (upd w k v)) as [rs' w1']; simpl in *; subst rs'.
  destruct H as [[u Hu]|[p [g [W [Df E]]]]].
  - unfold complete1; rewrite Hu; now split.
  - rewrite !E. destruct (run_weq p _ _ E2) as [F1 F2].
    destruct (run_upd g p W k v w1 (proj2 (Df k) A)) as [G1 G2].
    destruct (run p w1), (run p w1'), (run p (upd w1 k v)); simpl in *; subst.
    split; simpl; auto. intro x; now rewrite F2, G2.
Qed.

Lemma quiet_calm P n p0 w0 m j f w : Inv (State P n p0 w0) -> m < n -> m < j -> quiet P j f -> calm P w f m.
Proof.
  intros I Hm Hj Q. destruct (Q m Hj) as [H|[[vs [R Df]]|Df]]; [now left| |];
    destruct (snd (P m)) eqn:E; try (left; eauto; fail); right; unfold complete1; rewrite E.
  - rewrite (complete_known P m vs) by auto. eauto using sound.
  - destruct (I m p Hm E) as [vs' [R' [W _]]]; simpl in *. rewrite (known_unique _ _ _ _ R' R) in W. eauto.
  - specialize (Df _ (complete_agrees P m w)). eauto 6 using sound.
  - destruct (I m p Hm E) as [vs' [R' [W _]]]; simpl in *. specialize (Df _ (known_agrees _ _ _ R')). eauto 6.
Qed.

Lemma complete_frame P n p0 w0 f k w : Inv (State P n p0 w0) -> acc f k -> forall j, j <= n ->
  quiet P j f -> snd (complete j P w) k = w k.
Proof. intros I A j L Q. apply calm_frame with f; auto. intros; eapply quiet_calm; eauto; lia. Qed.

Lemma complete_upd P n p0 w0 f k v w : Inv (State P n p0 w0) -> writes f k -> forall j, j <= n ->
  quiet P j f -> oeq (complete j P (upd w k v)) (fst (complete j P w), upd (snd (complete j P w)) k v).
Proof. intros I A j L Q. apply calm_upd with f; auto. intros; eapply quiet_calm; eauto; lia. Qed.

(* ------------------------------------------------------------------------------------------- the invariant itself *)

Theorem completion_step s s' : Inv s -> step s s' -> oeq (completion s) (completion s').
Proof.
  intros I S; destruct S.
  - (* issue *) unfold completion; simpl. rewrite complete_put by auto.
    destruct (complete n P w) as [rs w1]. rewrite put_eq; unfold complete1; simpl.
    destruct (run _ w1); apply oeq_refl.
  - (* touch *) unfold completion; simpl. pose proof (complete_resolved n P w i v Hi Hs) as E.
    destruct (complete n P w); simpl in *; subst; apply oeq_refl.
  - (* start *) apply completion_put; auto. simpl. rewrite complete_put by auto.
    pose proof (complete_known P j vs w Hk) as E. destruct (complete j P w) as [rs w1]; simpl in *.
    rewrite put_eq; unfold complete1; rewrite Hs; simpl; rewrite E. destruct (run _ w1); apply oeq_refl.
  - (* read *) apply completion_put; auto. simpl. rewrite complete_put by auto.
    destruct (I j _ Hj Hs) as [vs [R [W Q]]]; simpl in *. inversion W; subst.
    pose proof (complete_frame P n p w _ k w I H1 j ltac:(lia) Q) as E.
    destruct (complete j P w) as [rs w1]; simpl in *. rewrite put_eq; unfold complete1; rewrite Hs; simpl.
    rewrite E. destruct (run _ w1); apply oeq_refl.
  - (* write *) apply completion_put; auto. simpl. rewrite complete_put by auto.
    destruct (I j _ Hj Hs) as [vs [R [W Q]]]; simpl in *. inversion W; subst.
    destruct (complete_upd P n p w _ k v w I ltac:(eassumption) j ltac:(lia) Q) as [E1 E2].
    destruct (complete j P w) as [rs w1], (complete j P (upd w k v)) as [rs' w1']; simpl in *; subst rs'.
    rewrite put_eq; unfold complete1; rewrite Hs; simpl.
    destruct (run_weq q (upd w1 k v) w1') as [F1 F2]; [intro; now rewrite E2|].
    destruct (run q (upd w1 k v)), (run q w1'); simpl in *; subst; now split.
  - (* finish *) apply completion_put; auto. simpl. rewrite complete_put by auto.
    destruct (complete j P w). rewrite put_eq; unfold complete1; rewrite Hs; apply oeq_refl.
  - (* fail *) apply completion_put; auto. simpl. rewrite complete_put by auto.
    destruct (complete j P w). rewrite put_eq; unfold complete1; rewrite Hs; apply oeq_refl.
Qed.

Lemma Inv_first P0 p w0 : Inv (State P0 0 p w0).
Proof. intros j q H; simpl in H; lia. Qed.

Lemma completion_steps s s' : steps s s' -> Inv s -> Inv s' /\ oeq (completion s) (completion s').
Proof.
  induction 1; intros I; [split; auto using oeq_refl|].
  destruct (IHsteps (Inv_step _ _ I H)) as [I' [E1 E2]]. destruct (completion_step _ _ I H) as [F1 F2].
  split; auto. split; [congruence|intro x; now rewrite F2].
Qed.
End Invariant.
