(* The invariant, for the machine with calls that are given up (GivenUp.v).

   A state is seen as one of the machine of Machine.v (`view`): each call is replaced by the one that makes the writes it
   will have made when the run ends, and a call in doubt by one that still runs. For that one needs to know what the run
   will bring, so each lemma speaks of a step and of the log l of all that follows it. Then `completion` of Invariant.v
   does the work once more: no step changes it. *)
From Coq Require Import List Arith Lia.
From AsyncFC Require Import Machine Independence Invariant GivenUp.
Import ListNotations.

Section GivenUpInvariant.
Context {D : Domain}.

(* an event of call j changes nobody else's fate *)
Definition of_call e j := match e with Other => True | Wrote i | Cancel i _ | Timeout i _ => i = j end.

Lemma fates_other e l j i : of_call e j -> i <> j -> fates (e :: l) i = fates l i.
Proof.
  intros O N; destruct e; simpl in O; subst; unfold fates; simpl; auto;
    destruct (Nat.eqb_spec j i); congruence.
Qed.

Lemma gives_up_of_call e j v : gives_up e j v -> of_call e j.
Proof. now intros [->| ->]. Qed.

Lemma gives_up_fate e l j v : gives_up e j v -> fates (e :: l) j = (Some v, written l j).
Proof. intros [->| ->]; unfold fates; simpl; now rewrite Nat.eqb_refl. Qed.

Lemma wrote_fate l j : fates (Wrote j :: l) j = (given_up l j, S (written l j)).
Proof. unfold fates; simpl; now rewrite Nat.eqb_refl. Qed.

Lemma sequential_fates p : forall f g n rs w, (forall i, n <= i -> f i = g i) ->
  sequential (with_fates f n p) rs w = sequential (with_fates g n p) rs w.
Proof.
  induction p; simpl; intros f g n rs w E; auto.
  rewrite (E n) by auto. destruct (run _ w). apply IHp. intros; apply E; lia.
Qed.

(* --------------------------------------------------- a state of this machine, seen as a state of the one in Machine.v *)

Definition see1 (f : fate) (e : future) : entry := (stopped f (fst e),
  match snd e with
  | Issued => Pending
  | Started p => Running (fated f p)
  | Settled v (Some p) => Running (stop v (snd f) p)
  | Settled v None => Resolved v
  end).
Definition see (f : nat -> fate) (P : nat -> future) i := see1 (f i) (P i).
Definition view (f : nat -> fate) (s : gstate) : state :=
  State (see f (gfutures s)) (gissued s) (with_fates f (gissued s) (gprogram s)) (gstore s).

Lemma see_settled f P n w i v r : i < n -> snd (P i) = Settled v r -> nth i (fst (complete n (see f P) w)) dflt = v.
Proof.
  intros Hi Hs. apply complete_value; auto. intros rs w'. unfold complete1, see, see1; simpl. rewrite Hs.
  destruct r; auto using run_stop.
Qed.

Lemma see_known f P j vs w : gknown P j vs -> args (fst (complete j (see f P) w)) (deps (fst (P j))) = vs.
Proof.
  unfold gknown, args. induction 1 as [|d v ds vs [Hd [r Hv]]]; simpl; auto.
  f_equal; auto. eapply see_settled; eauto.
Qed.

Lemma see_agrees f P j w : gagrees P j (args (fst (complete j (see f P) w)) (deps (fst (P j)))).
Proof.
  unfold gagrees, args. induction (deps (fst (P j))) as [|d ds IH]; simpl; constructor; auto.
  intros u r Hd Hu. eapply see_settled; eauto.
Qed.

Lemma gknown_agrees P j vs : gknown P j vs -> gagrees P j vs.
Proof.
  unfold gknown, gagrees. induction 1 as [|d v ds vs [_ [r E]] _ IH]; constructor; auto. intros u r' _ E'; congruence.
Qed.

Lemma gknown_unique P j vs vs' : gknown P j vs -> gknown P j vs' -> vs = vs'.
Proof.
  intros A B. rewrite <- (see_known (fun _ => (None, 0)) P j vs (fun _ => dflt) A). now apply see_known.
Qed.

(* ------------------------------------------------ what holds of a call under way, in doubt or not, until it has ended *)

Definition gadmitted P j p vs :=
  gknown P j vs /\ within (footprint (fst (P j)) vs) p /\ gquiet P j (footprint (fst (P j)) vs).
Definition under_way s := match s with Started p => Some p | Settled _ r => r | Issued => None end.
Definition GInv (s : gstate) := forall j p,
  j < gissued s -> under_way (snd (gfutures s j)) = Some p -> exists vs, gadmitted (gfutures s) j p vs.

(* what is settled stays so, with its value; what has ended does not change *)
Definition keeps s s' := forall v r, s = Settled v r -> r <> None /\ exists r', s' = Settled v r'.

Lemma gput_call (P : nat -> future) j s i : fst (put P j (fst (P j), s) i) = fst (P i).
Proof. destruct (Nat.eq_dec i j); [subst; now rewrite put_eq|now rewrite put_ne]. Qed.

Lemma gadmitted_mono P Q j p vs : (forall i, i <= j -> fst (P i) = fst (Q i)) ->
  (forall i v r, i < j -> snd (P i) = Settled v r -> exists r', snd (Q i) = Settled v r' /\ (r = None -> r' = None)) ->
  gadmitted P j p vs -> gadmitted Q j p vs.
Proof.
  intros E M [R [W Q']].
  assert (K : forall i us, i <= j -> gknown P i us -> gknown Q i us).
  { unfold gknown; intros i us Hi H. rewrite <- E by auto.
    induction H as [|d v ds us [H1 [r H2]] H IH]; constructor; auto. split; auto.
    destruct (M d v r ltac:(lia) H2) as [r' [H3 _]]; eauto. }
  assert (A : forall i us, i <= j -> gagrees Q i us -> gagrees P i us).
  { unfold gagrees; intros i us Hi H. rewrite E by auto.
    induction H as [|d v ds us H1 H IH]; constructor; auto. intros u r Hd Hu.
    destruct (M d u r ltac:(lia) Hu) as [r' [H3 _]]; eauto. }
  split; [auto|split; [now rewrite <- E by auto|]]. rewrite <- E by auto.
  intros i Hi. destruct (Q' i Hi) as [[v Hv]|[[us [H I]]|I]].
  - left. destruct (M i v None Hi Hv) as [r' [H1 H2]]. rewrite H2 in H1; eauto.
  - right; left; exists us; split; [apply K; auto; lia|now rewrite <- E by lia].
  - right; right. rewrite <- E by lia. intros us H; apply I, A; auto; lia.
Qed.

Lemma GInv_put P n p w p' w' j s : GInv (GState P n p w) -> keeps (snd (P j)) s ->
  (forall q, under_way s = Some q -> exists vs, gadmitted P j q vs) ->
  GInv (GState (put P j (fst (P j), s)) n p' w').
Proof.
  intros I N H i q Hi E. simpl in *.
  assert (G : exists vs, gadmitted P i q vs).
  { destruct (Nat.eq_dec i j); [subst; rewrite put_eq in E; now apply H|].
    rewrite put_ne in E by auto. now apply (I i). }
  destruct G as [vs G]. exists vs. apply gadmitted_mono with P; auto.
  - intros; now rewrite gput_call.
  - intros x v r _ Hx. destruct (Nat.eq_dec x j); [subst|rewrite put_ne by auto; eauto].
    destruct (N v r Hx) as [Nr [r' Hr]]. rewrite put_eq; exists r'; simpl; split; auto. now intros ->.
Qed.

(* a tool that is under way goes on within the footprint it was admitted with *)
Lemma goes_on P n p w j q q' : GInv (GState P n p w) -> j < n -> under_way (snd (P j)) = Some q ->
  (forall f, within f q -> within f q') -> exists vs, gadmitted P j q' vs.
Proof. intros I Hj Hs H. destruct (I j q Hj Hs) as [vs [R [W Q]]]. exists vs; repeat split; auto. Qed.

Lemma GInv_step e s s' : GInv s -> gstep e s s' -> GInv s'.
Proof.
  intros I S; destruct S.
  all: try (eapply GInv_put; [exact I|rewrite Hs; intros ? ? E; inversion E; subst; split; eauto; congruence|];
         intros q' E; inversion E; subst;
         try (eapply goes_on; [exact I|exact Hj|rewrite Hs; reflexivity|]; intros f W; inversion W; subst; auto; fail)).
  - intros j q Hj E; simpl in *. destruct (Nat.eq_dec j n).
    { subst; rewrite put_eq in E; discriminate. }
    rewrite put_ne in E by auto. destruct (I j q) as [vs G]; simpl; auto; [lia|].
    exists vs. apply gadmitted_mono with P; auto; intros; rewrite put_ne by lia; eauto.
  - exact I.
  - exists vs; repeat split; auto using sound.
Qed.

(* what a step does to the calls *)
Lemma gstep_cases e s s' : gstep e s s' ->
  (e = Other /\ gissued s <= gissued s' /\ forall i, i < gissued s -> gfutures s' i = gfutures s i) \/
  (exists j x w', s' = GState (put (gfutures s) j (fst (gfutures s j), x)) (gissued s) (gprogram s) w' /\
     j < gissued s /\ of_call e j /\ x <> Issued /\ keeps (snd (gfutures s j)) x).
Proof.
  intros S; destruct S.
  3-14: right; do 3 eexists; split; [reflexivity|split; [exact Hj|split; [|split; [discriminate|]]]];
    [now simpl || (eapply gives_up_of_call; eauto)|
     simpl; rewrite Hs; intros ? ? E; inversion E; subst; split; eauto; discriminate].
  - left; simpl; repeat split; auto. intros; now rewrite put_ne by lia.
  - left; simpl; auto.
Qed.

(* what has ended writes no more, and is not given up any more *)
Lemma ended_no_more l s s' : gsteps l s s' -> forall j v, j < gissued s -> snd (gfutures s j) = Settled v None ->
  fates l j = (None, 0).
Proof.
  induction 1 as [|e l s1 s2 s3 S _ IH]; intros j v Hj Hs; auto.
  destruct (gstep_cases _ _ _ S) as [[-> [L F]]|[i [x [w' [-> [Hi [O [_ N]]]]]]]]; simpl in *.
  - apply (IH j v); [lia|now rewrite F].
  - assert (Ne : j <> i) by (intros ->; now destruct (N v None Hs)).
    rewrite (fates_other e l i j O Ne). apply (IH j v); simpl; auto. now rewrite put_ne.
Qed.

(* an earlier call that is out of the way is so, however many writes it still makes *)
Lemma gquiet_calm f P n p0 w0 m j g w : GInv (GState P n p0 w0) -> m < n -> m < j -> gquiet P j g -> calm (see f P) w g m.
Proof.
  intros I Hm Hj Q.
  assert (G : forall vs q, within (footprint (fst (P m)) vs) q -> indep (footprint (fst (P m)) vs) g ->
    (forall w', complete1 (fst (complete m (see f P) w)) (see f P m) w' = run q w') -> calm (see f P) w g m).
  { intros vs q W Df E. right. eauto. }
  destruct (Q m Hj) as [[v Hv]|H]; [left; exists v; unfold see, see1; simpl; now rewrite Hv|].
  assert (X : forall vs, gknown P m vs \/ vs = args (fst (complete m (see f P) w)) (deps (fst (P m))) ->
                indep (footprint (fst (P m)) vs) g).
  { intros vs Hvs. destruct H as [[us [R Df]]|Df].
    - destruct Hvs as [Hvs| ->]; [now rewrite (gknown_unique _ _ _ _ Hvs R)|now rewrite (see_known f P m us)].
    - destruct Hvs as [Hvs| ->]; apply Df; auto using gknown_agrees, see_agrees. }
  destruct (snd (P m)) as [|q|v [q|]] eqn:E.
  - eapply G; [|apply X; right; reflexivity|]; [eapply within_fated, sound|].
    intros w'. unfold complete1, see, see1; simpl. now rewrite E.
  - destruct (I m q Hm) as [vs [R [W _]]]; [simpl; now rewrite E|]. simpl in *.
    eapply G; [|apply X; left; exact R|]; [eapply within_fated, W|].
    intros w'. unfold complete1, see, see1; simpl. now rewrite E.
  - destruct (I m q Hm) as [vs [R [W _]]]; [simpl; now rewrite E|]. simpl in *.
    eapply G; [|apply X; left; exact R|]; [eapply within_stop, W|].
    intros w'. unfold complete1, see, see1; simpl. now rewrite E.
  - left; exists v; unfold see, see1; simpl; now rewrite E.
Qed.

(* ------------------------------------------------------------------------------------------------- the invariant *)

(* It is enough to look at call j, when its turn comes. *)
Lemma view_put e l P n p w w' j x : j < n -> of_call e j ->
  oeq (complete (S j) (see (fates (e :: l)) P) w) (complete (S j) (see (fates l) (put P j x)) w') ->
  oeq (completion (view (fates (e :: l)) (GState P n p w))) (completion (view (fates l) (GState (put P j x) n p w'))).
Proof.
  intros Hj O H. unfold completion, view; simpl.
  destruct (complete_suffix n j (see (fates (e :: l)) P) (see (fates l) (put P j x)) w w' Hj) as [E1 E2]; auto.
  { intros i Hi. unfold see. now rewrite (fates_other e l j i), put_ne by (auto; lia). }
  destruct (complete n _ w), (complete n _ w'); simpl in *; subst.
  rewrite (sequential_fates p _ (fates l) n) by (intros; apply (fates_other e l j); auto; lia).
  now apply sequential_weq.
Qed.

Lemma see_before e l P w j x : of_call e j ->
  complete j (see (fates l) (put P j x)) w = complete j (see (fates (e :: l)) P) w.
Proof.
  intros O. apply complete_ext. intros i Hi. unfold see. now rewrite (fates_other e l j i), put_ne by (auto; lia).
Qed.

(* a step that does not change the world, nor what call j will do in the world that it finds *)
Lemma same_turn e l P n p w j x : j < n -> of_call e j ->
  (let (rs, w1) := complete j (see (fates (e :: l)) P) w in
   complete1 rs (see1 (fates (e :: l) j) (P j)) w1 = complete1 rs (see1 (fates l j) x) w1) ->
  oeq (completion (view (fates (e :: l)) (GState P n p w))) (completion (view (fates l) (GState (put P j x) n p w))).
Proof.
  intros Hj O H. apply view_put; auto. simpl. rewrite (see_before e l) by auto.
  destruct (complete j _ w) as [rs w1]. unfold see; rewrite put_eq, H. apply oeq_refl.
Qed.

(* a write of call j: q is what it will do after it *)
Lemma write_turn l P n p w j x k v q : j < n ->
  oeq (complete j (see (fates (Wrote j :: l)) P) (upd w k v))
      (fst (complete j (see (fates (Wrote j :: l)) P) w), upd (snd (complete j (see (fates (Wrote j :: l)) P) w)) k v) ->
  (forall rs w1, complete1 rs (see1 (fates (Wrote j :: l) j) (P j)) w1 = run q (upd w1 k v)) ->
  (forall rs w1, complete1 rs (see1 (fates l j) x) w1 = run q w1) ->
  oeq (completion (view (fates (Wrote j :: l)) (GState P n p w)))
      (completion (view (fates l) (GState (put P j x) n p (upd w k v)))).
Proof.
  intros Hj [E1 E2] B A. apply view_put; simpl; auto. rewrite (see_before (Wrote j) l) by (simpl; auto).
  destruct (complete j _ w) as [rs w1], (complete j _ (upd w k v)) as [rs' w1']; simpl in *; subst rs'.
  unfold see; rewrite put_eq, B, A. destruct (run_weq q (upd w1 k v) w1') as [F1 F2]; [intro; now rewrite E2|].
  destruct (run q (upd w1 k v)), (run q w1'); simpl in *; subst; now split.
Qed.

Theorem view_step e l s s' s'' : GInv s -> gstep e s s' -> gsteps l s' s'' ->
  oeq (completion (view (fates (e :: l)) s)) (completion (view (fates l) s')).
Proof.
  intros I S L.
  assert (Same : forall i, fates (Other :: l) i = fates l i) by reflexivity.
  (* what is read or written under way: nobody before it is in the way *)
  assert (Calm : forall f P n p w j q, GInv (GState P n p w) -> j < n -> under_way (snd (P j)) = Some q ->
    exists g, within g q /\ forall m, m < j -> calm (see f P) w g m).
  { intros f P n p w j q I' Hj Hu. destruct (I' j q Hj Hu) as [vs [R [W Q]]]; simpl in *.
    exists (footprint (fst (P j)) vs). split; auto. intros; eapply gquiet_calm; eauto; lia. }
  (* a call that ends here: its fate is over *)
  assert (Ends : forall P n p w j v, j < n -> s' = GState (put P j (fst (P j), Settled v None)) n p w ->
    fates l j = (None, 0)).
  { intros P n p w j v Hj ->. apply (ended_no_more _ _ _ L j v); simpl; auto. now rewrite put_eq. }
  destruct S.
  - (* issue *) unfold completion, view; simpl.
    rewrite (complete_ext n (see (fates l) (put P n (c, Issued))) (see (fates (Other :: l)) P)).
    2:{ intros; unfold see; now rewrite put_ne by lia. }
    destruct (complete n _ w) as [rs w1]. unfold see at 1; rewrite put_eq; unfold complete1; simpl.
    change (fates (Other :: l)) with (fates l). destruct (run _ w1); apply oeq_refl.
  - (* touch *) unfold completion, view; simpl. pose proof (see_settled (fates l) P n w i v r Hi Hs) as E.
    change (fates (Other :: l)) with (fates l). destruct (complete n _ w); simpl in *; subst; apply oeq_refl.
  - (* start *) apply same_turn; simpl; auto. pose proof (see_known (fates (Other :: l)) P j vs w Hk) as E.
    destruct (complete j _ w) as [rs w1]; simpl in *. unfold complete1, see1; simpl. rewrite Hs; simpl. now rewrite E.
  - (* read *) apply same_turn; simpl; auto.
    destruct (Calm (fates (Other :: l)) P n p w j _ I Hj ltac:(now rewrite Hs)) as [g [W C]]. inversion W; subst.
    pose proof (calm_frame _ g k w H1 j C) as E. destruct (complete j _ w) as [rs w1]; simpl in *.
    unfold complete1, see1; simpl. rewrite Hs, Same; simpl. unfold fated. destruct (fates l j) as [[v|] [|m]]; simpl;
      rewrite ?run_stop_0, ?E; auto.
  - (* write *)
    destruct (Calm (fates (Wrote j :: l)) P n p w j _ I Hj ltac:(now rewrite Hs)) as [g [W C]]. inversion W; subst.
    apply write_turn with (fated (fates l j) q); [exact Hj|now apply calm_upd with g| |];
      intros; unfold complete1, see1; simpl; rewrite ?Hs, ?wrote_fate; auto.
    unfold fated, fates; simpl. now destruct (given_up l j).
  - (* finish *) apply same_turn; simpl; auto. destruct (complete j _ w) as [rs w1].
    unfold complete1, see1; simpl. rewrite Hs, Same, (Ends P n p w j v); auto.
  - (* fail *) apply same_turn; simpl; auto. destruct (complete j _ w) as [rs w1].
    unfold complete1, see1; simpl. rewrite Hs, Same, (Ends P n p w j v); auto.
  - (* poison *) apply same_turn; simpl; auto. pose proof (see_agrees (fates (Other :: l)) P j w) as A.
    destruct (complete j _ w) as [rs w1]; simpl in A. unfold complete1, see1; simpl.
    now rewrite Hs, Same, (Ends P n p w j v), (Hv _ A) by auto.
  - (* cancel *) apply same_turn; simpl; auto. destruct (complete j _ w) as [rs w1].
    pose proof (Ends P n p w j v Hj eq_refl) as F. unfold complete1, see1; simpl. rewrite Hs; simpl.
    rewrite (gives_up_fate (Cancel j v) l j v) by now left. inversion F as [[F1 F2]]. rewrite F2.
    unfold fated; simpl. apply run_stop_0.
  - (* abandon *) apply same_turn; simpl; auto; [eapply gives_up_of_call; eauto|]. destruct (complete j _ w) as [rs w1].
    pose proof (Ends P n p w j v Hj eq_refl) as F. unfold complete1, see1; simpl. rewrite Hs; simpl.
    rewrite (gives_up_fate e l j v He). inversion F as [[F1 F2]]. rewrite F2.
    unfold fated; simpl. apply run_stop_0.
  - (* abandon_in_doubt *) apply same_turn; simpl; auto; [eapply gives_up_of_call; eauto|].
    destruct (complete j _ w) as [rs w1]. unfold complete1, see1; simpl. rewrite Hs; simpl.
    now rewrite (gives_up_fate e l j v He).
  - (* read_in_doubt *) apply same_turn; simpl; auto.
    destruct (Calm (fates (Other :: l)) P n p w j _ I Hj ltac:(now rewrite Hs)) as [g [W C]]. inversion W; subst.
    pose proof (calm_frame _ g k w H1 j C) as E. destruct (complete j _ w) as [rs w1]; simpl in *.
    unfold complete1, see1; simpl. rewrite Hs; simpl. destruct (written l j); simpl; rewrite ?run_stop_0, ?E; auto.
  - (* write_in_doubt *)
    destruct (Calm (fates (Wrote j :: l)) P n p w j _ I Hj ltac:(now rewrite Hs)) as [g [W C]]. inversion W; subst.
    apply write_turn with (stop v (snd (fates l j)) q); [exact Hj|now apply calm_upd with g| |];
      intros; unfold complete1, see1; rewrite ?wrote_fate; simpl; rewrite ?Hs; auto.
  - (* end_in_doubt *) apply same_turn; simpl; auto. destruct (complete j _ w) as [rs w1].
    pose proof (Ends P n p w j v Hj eq_refl) as F. unfold complete1, see1; simpl. rewrite Hs; simpl.
    inversion F as [[F1 F2]]. rewrite F2. apply run_stop_0.
Qed.

Lemma view_steps l s s' : gsteps l s s' -> GInv s -> GInv s' /\
  oeq (completion (view (fates l) s)) (completion (view (fates []) s')).
Proof.
  induction 1 as [|e l s1 s2 s3 S L IH]; intros I; [split; auto using oeq_refl|].
  destruct (IH (GInv_step _ _ _ I S)) as [I' [E1 E2]]. destruct (view_step _ _ _ _ _ I S L) as [F1 F2].
  split; auto. split; [congruence|intro x; now rewrite F2].
Qed.

Lemma GInv_first P0 p w0 : GInv (GState P0 0 p w0).
Proof. intros j q H; simpl in H; lia. Qed.
End GivenUpInvariant.
