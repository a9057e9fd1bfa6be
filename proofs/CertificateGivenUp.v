(* T9 with calls that are given up (cancelled, timed out; GivenUp.v), as traces/certificates.py judges them.

   Take any scheduler whatever, without the gate `quiet`, that may also give calls up: one that is pending never runs;
   one that runs is in doubt, and may still act, until it has ended at whatever point of its work. If in the log of the
   accesses that matter, conflicting ones of different calls stand in issue order, then the run equals the sequential
   run in which exactly the calls given up are others: each stops after as many writes as it made here, at its place in
   issue order, and returns the error (`sequential_with`, of T12).

   All accesses matter but those of a call that was given up and never wrote: nobody is given what its reads led to.
   Those that a call makes after it was given up stand in the log like the others, and it must be known to have ended.
   certify and certify_intervals of CertificateCheck.v are applied to the calls that matter (certify_given_up_sound,
   certify_intervals_given_up_sound), or to more: the code takes in a call that may have written, too.

   Not covered: the mode strict, in which calls are cut off as if they had never been issued.

   How it goes: as in Certificate.v, from the end of the run; but each state is seen as in GivenUpInvariant.v, where the
   calls that will be given up are already those others. Of the log it is enough to know that whatever the completion
   would log, and matters, stands in the log of the rest of the run. *)
From Coq Require Import List Arith Lia Bool.
From AsyncFC Require Import Machine Independence Invariant Safety Certificate CertificateCheck.
From AsyncFC Require Import GivenUp GivenUpInvariant GivenUpSafety.
Import ListNotations.

Section CertificateGivenUp.
Context {D : Domain}.

Definition caller (a : access) := Certificate.future a.

(* The rules of GivenUp.v, [start] without its gate. With each, its event and what it logs. *)
Inductive any_gstep : event -> list access -> gstate -> gstate -> Prop :=
| ag_issue P n c p w :
    any_gstep Other [] (GState P n (Let c p) w) (GState (put P n (c, Issued)) (S n) p w)
| ag_touch P n i p w v r (Hi : i < n) (Hs : snd (P i) = Settled v r) :
    any_gstep Other [] (GState P n (Touch i p) w) (GState P n (p v) w)
| ag_start P n j p w vs (Hj : j < n) (Hs : snd (P j) = Issued) (Hk : gknown P j vs) :
    any_gstep Other [] (GState P n p w) (GState (put P j (fst (P j), Started (body (fst (P j)) vs))) n p w)
| ag_read P n j p w k q (Hj : j < n) (Hs : snd (P j) = Started (Read k q)) :
    any_gstep Other [Access j R k] (GState P n p w) (GState (put P j (fst (P j), Started (q (w k)))) n p w)
| ag_write P n j p w k v q (Hj : j < n) (Hs : snd (P j) = Started (Write k v q)) :
    any_gstep (Wrote j) [Access j W k] (GState P n p w) (GState (put P j (fst (P j), Started q)) n p (upd w k v))
| ag_end P n j p w v (Hj : j < n) (Hs : snd (P j) = Started (Return v)) :
    any_gstep Other [] (GState P n p w) (GState (put P j (fst (P j), Settled v None)) n p w)
| ag_poison P n j p w v (Hj : j < n) (Hs : snd (P j) = Issued)
    (Hv : forall vs, gagrees P j vs -> body (fst (P j)) vs = Return v) :
    any_gstep Other [] (GState P n p w) (GState (put P j (fst (P j), Settled v None)) n p w)
| ag_cancel P n j p w v (Hj : j < n) (Hs : snd (P j) = Issued) :
    any_gstep (Cancel j v) [] (GState P n p w) (GState (put P j (fst (P j), Settled v None)) n p w)
(* r: what it may still do; None if it is known to have ended *)
| ag_abandon e P n j p w v q r (He : gives_up e j v) (Hj : j < n) (Hs : snd (P j) = Started q)
    (Hr : r = None \/ r = Some q) :
    any_gstep e [] (GState P n p w) (GState (put P j (fst (P j), Settled v r)) n p w)
| ag_read_in_doubt P n j p w v k q (Hj : j < n) (Hs : snd (P j) = Settled v (Some (Read k q))) :
    any_gstep Other [Access j R k] (GState P n p w) (GState (put P j (fst (P j), Settled v (Some (q (w k))))) n p w)
| ag_write_in_doubt P n j p w v k x q (Hj : j < n) (Hs : snd (P j) = Settled v (Some (Write k x q))) :
    any_gstep (Wrote j) [Access j W k]
      (GState P n p w) (GState (put P j (fst (P j), Settled v (Some q))) n p (upd w k x))
| ag_end_in_doubt P n j p w v q (Hj : j < n) (Hs : snd (P j) = Settled v (Some q)) :
    any_gstep Other [] (GState P n p w) (GState (put P j (fst (P j), Settled v None)) n p w).

Inductive any_gsteps : list event -> list access -> gstate -> gstate -> Prop :=
| ag_refl s : any_gsteps [] [] s s
| ag_more e es la log s1 s2 s3 : any_gstep e la s1 s2 -> any_gsteps es log s2 s3 ->
    any_gsteps (e :: es) (la ++ log) s1 s3.

(* the machine of GivenUp.v is one of these *)
Lemma gstep_any e s s' : gstep e s s' -> exists la, any_gstep e la s s'.
Proof.
  intros S; destruct S; eexists; eauto using ag_issue, ag_touch, ag_start, ag_read, ag_write, ag_end, ag_poison, ag_cancel,
    ag_abandon, ag_read_in_doubt, ag_write_in_doubt, ag_end_in_doubt.
Qed.

(* ------------------------------------------------------------------------------------------------- what matters *)

Definition matters (es : list event) (i : nat) : bool :=
  match given_up es i with None => true | Some _ => negb (written es i =? 0) end.

(* what has ended writes no more, and is not given up any more *)
Lemma any_gstep_cases e la s s' : any_gstep e la s s' ->
  (e = Other /\ gissued s <= gissued s' /\ forall i, i < gissued s -> gfutures s' i = gfutures s i) \/
  (exists j x w', s' = GState (put (gfutures s) j (fst (gfutures s j), x)) (gissued s) (gprogram s) w' /\
     j < gissued s /\ GivenUpInvariant.of_call e j /\ keeps (snd (gfutures s j)) x).
Proof.
  intros S; destruct S.
  3-12: right; do 3 eexists; split; [reflexivity|split; [exact Hj|split]];
    [now simpl || (eapply gives_up_of_call; eauto)|
     simpl; rewrite Hs; intros ? ? E; inversion E; subst; split; eauto; discriminate].
  - left; simpl; repeat split; auto. intros; now rewrite put_ne by lia.
  - left; simpl; auto.
Qed.

Lemma ended_for_good es log s s' : any_gsteps es log s s' -> forall j v,
  j < gissued s -> snd (gfutures s j) = Settled v None -> fates es j = (None, 0).
Proof.
  induction 1 as [|e es la log s1 s2 s3 S _ IH]; intros j v Hj Hs; auto.
  destruct (any_gstep_cases _ _ _ _ S) as [[-> [L F]]|[i [x [w' [-> [Hi [O N]]]]]]]; simpl in *.
  - apply (IH j v); [lia|now rewrite F].
  - assert (Ne : j <> i) by (intros ->; now destruct (N v None Hs)).
    rewrite (fates_other e es i j O Ne). apply (IH j v); simpl; auto. now rewrite put_ne.
Qed.

(* A call that does not matter writes no more, and will be or has been given up. *)
Definition idle (keep : nat -> bool) es s := forall i, keep i = false -> written es i = 0 /\
  (given_up es i <> None \/ (i < gissued s /\ exists v r, snd (gfutures s i) = Settled v r)).

Lemma given_up_now_or_later e es i :
  given_up (e :: es) i <> None -> (exists v, gives_up e i v) \/ given_up es i <> None.
Proof.
  unfold gives_up. destruct e as [|j|j v|j v]; simpl; auto; destruct (Nat.eqb_spec j i); subst; eauto.
Qed.

Lemma gives_up_settles e la s s' i v : any_gstep e la s s' -> gives_up e i v ->
  i < gissued s' /\ exists r, snd (gfutures s' i) = Settled v r.
Proof.
  intros S G. destruct S; try (destruct G as [G|G]; discriminate).
  - destruct G as [G|G]; inversion G; subst. simpl. rewrite put_eq; simpl. eauto.
  - assert (i = j /\ v = v0) as [-> ->] by (destruct He as [->| ->]; destruct G as [G|G]; now inversion G).
    simpl. rewrite put_eq; simpl. eauto.
Qed.

Lemma idle_step keep e es la s s' : any_gstep e la s s' -> idle keep (e :: es) s -> idle keep es s'.
Proof.
  intros S I i Ki. destruct (I i Ki) as [Wr G]. split.
  { destruct e; simpl in Wr; auto. destruct (j =? i); auto. discriminate. }
  destruct G as [G|[Hi [v [r G]]]].
  - destruct (given_up_now_or_later _ _ _ G) as [[v Gi]|G']; [right|now left].
    destruct (gives_up_settles _ _ _ _ _ _ S Gi) as [Hi [r Hr]]. eauto.
  - right. destruct (any_gstep_cases _ _ _ _ S) as [[_ [L F]]|[j [x [w' [-> [_ [_ N]]]]]]].
    + rewrite F by auto. split; [lia|eauto].
    + simpl. split; auto. destruct (Nat.eq_dec i j) as [->|Ne]; [|rewrite put_ne by auto; eauto].
      rewrite put_eq. destruct (N v r G) as [_ [r' ->]]. simpl. eauto.
Qed.

(* ------------------------------------------------------------------------------ the log that is still to come *)

Lemma run_log_stop_0 j v p w : run_log j (stop v 0 p) w = [].
Proof. now destruct p. Qed.

Section Rest.
Variable keep : nat -> bool.
Definition kept := filter (fun a => keep (caller a)).

(* what the calls that were issued will yet log, seen as they will have been, is kept and in the log of the rest *)
Definition to_come es s := complete_log (gissued s) (see (fates es) (gfutures s)) (gstore s).
Definition foretold es log s := incl (to_come es s) (kept log).

Lemma incl_suffix n j P Q w w' la : j < n -> (forall i, j < i -> P i = Q i) ->
  oeq (complete (S j) P w) (complete (S j) Q w') ->
  incl (complete_log (S j) P w) (la ++ complete_log (S j) Q w') ->
  incl (complete_log n P w) (la ++ complete_log n Q w').
Proof.
  intros Hj E C L. induction n; [lia|]. destruct (Nat.eq_dec j n); [subst; auto|].
  destruct (complete_suffix n j P Q w w') as [F1 F2]; auto; [lia|].
  simpl. rewrite app_assoc. apply incl_app_app; [apply IHn; lia|].
  rewrite F1, (E n) by lia. erewrite complete1_log_weq by exact F2. apply incl_refl.
Qed.

(* s' is s after a step: both are completed to the same outcome, and what s will log is foretold if that of s' is *)
Definition follows e es la s s' := oeq (completion (view (fates (e :: es)) s)) (completion (view (fates es) s')) /\
  incl (to_come (e :: es) s) (kept la ++ to_come es s').

Lemma see_before_log e es P w j x : GivenUpInvariant.of_call e j ->
  complete_log j (see (fates es) (put P j x)) w = complete_log j (see (fates (e :: es)) P) w.
Proof.
  intros O. apply complete_log_ext. intros i Hi. unfold see.
  now rewrite (fates_other e es j i), put_ne by (auto; lia).
Qed.

Lemma see_put f P j x : see f (put P j x) j = see1 (f j) x.
Proof. unfold see. now rewrite put_eq. Qed.

Lemma follows_put e es la P n p w w' j x : j < n -> GivenUpInvariant.of_call e j ->
  oeq (complete (S j) (see (fates (e :: es)) P) w) (complete (S j) (see (fates es) (put P j x)) w') ->
  incl (complete_log (S j) (see (fates (e :: es)) P) w)
       (kept la ++ complete_log (S j) (see (fates es) (put P j x)) w') ->
  follows e es la (GState P n p w) (GState (put P j x) n p w').
Proof.
  intros Hj O H L. split; [now apply view_put|]. unfold to_come; simpl.
  apply incl_suffix with j; auto. intros i Hi. unfold see. now rewrite (fates_other e es j i), put_ne by (auto; lia).
Qed.

(* a step that does not change the world, nor what call j will do in the world that it finds *)
Lemma same_turn_follows e es la P n p w j x : j < n -> GivenUpInvariant.of_call e j ->
  (let (rs, w1) := complete j (see (fates (e :: es)) P) w in
   complete1 rs (see1 (fates (e :: es) j) (P j)) w1 = complete1 rs (see1 (fates es j) x) w1 /\
   incl (complete1_log j rs (see1 (fates (e :: es) j) (P j)) w1)
        (kept la ++ complete1_log j rs (see1 (fates es j) x) w1)) ->
  follows e es la (GState P n p w) (GState (put P j x) n p w).
Proof.
  intros Hj O H. apply follows_put; auto; simpl; rewrite (see_before e es) by auto.
  - destruct (complete j _ w) as [rs w1]. destruct H as [H _]. unfold see; rewrite put_eq, H. apply oeq_refl.
  - rewrite (see_before_log e es) by auto. destruct (complete j _ w) as [rs w1]. destruct H as [_ H].
    rewrite see_put. change (see (fates (e :: es)) P j) with (see1 (fates (e :: es) j) (P j)).
    intros b. rewrite !in_app_iff. intros [Ib|Ib]; auto. apply H in Ib. rewrite in_app_iff in Ib. tauto.
Qed.

(* of what the earlier calls have yet to do, nothing conflicts with the access a of call j: it would come too late *)
Lemma none_too_late_kept e es P n p w j x a log : j < n -> GivenUpInvariant.of_call e j -> caller a = j ->
  keep j = true -> in_order (kept (a :: log)) -> foretold es log (GState (put P j x) n p w) ->
  forall b, In b (complete_log j (see (fates (e :: es)) P) w) -> at_key b = at_key a -> how a = R /\ how b = R.
Proof.
  intros Hj O Ha Kj Or F b Hb E. pose proof (complete_log_future _ _ _ _ Hb) as Lt.
  assert (I : In b (kept log)).
  { apply F. unfold to_come; simpl. apply complete_log_less with j; [lia|]. now rewrite (see_before_log e). }
  unfold kept in Or. simpl in Or. rewrite Ha, Kj in Or. destruct Or as [Or _]. specialize (Or b I).
  unfold conflict, caller in *. destruct (how a), (how b); auto; exfalso; (lapply Or; [lia|repeat split; auto; lia]).
Qed.

(* a write of call j, which keeps it; q is what it will do after it *)
Lemma write_turn_follows es log P n p w j x k v q : j < n -> keep j = true ->
  in_order (kept (Access j W k :: log)) -> foretold es log (GState (put P j x) n p (upd w k v)) ->
  (forall rs w1, complete1 rs (see1 (fates (Wrote j :: es) j) (P j)) w1 = run q (upd w1 k v) /\
     complete1_log j rs (see1 (fates (Wrote j :: es) j) (P j)) w1 = Access j W k :: run_log j q (upd w1 k v)) ->
  (forall rs w1, complete1 rs (see1 (fates es j) x) w1 = run q w1 /\
     complete1_log j rs (see1 (fates es j) x) w1 = run_log j q w1) ->
  follows (Wrote j) es [Access j W k] (GState P n p w) (GState (put P j x) n p (upd w k v)).
Proof.
  intros Hj Kj Or F B A. assert (O : GivenUpInvariant.of_call (Wrote j) j) by reflexivity.
  destruct (complete_untouched (see (fates (Wrote j :: es)) P) k v j w) as (E1 & E2 & E3).
  { intros b Hb Kb.
    now destruct (none_too_late_kept _ _ _ _ _ _ _ _ (Access j W k) log Hj O eq_refl Kj Or F b Hb Kb). }
  apply follows_put; auto; simpl; rewrite (see_before (Wrote j) es), ?(see_before_log (Wrote j) es) by auto.
  - destruct (complete j _ w) as [rs w1], (complete j _ (upd w k v)) as [rs' w1']; simpl in *; subst rs'.
    unfold see; rewrite put_eq. rewrite (proj1 (B _ _)), (proj1 (A _ _)).
    destruct (run_weq q (upd w1 k v) w1') as [F1 F2]; [intro; now rewrite E2|].
    destruct (run q (upd w1 k v)), (run q w1'); simpl in *; subst; now split.
  - rewrite E3, E1, see_put. change (see (fates (Wrote j :: es)) P j) with (see1 (fates (Wrote j :: es) j) (P j)).
    rewrite (proj2 (B _ _)), (proj2 (A _ _)), Kj.
    rewrite (run_log_weq j q _ _ E2). intros b. simpl. rewrite !in_app_iff. simpl. tauto.
Qed.

(* of a call that does not matter, nothing is left to log *)
Lemma idle_started es s j q : idle keep es s -> snd (gfutures s j) = Started q ->
  keep j = true \/ exists v, fates es j = (Some v, 0).
Proof.
  intros I Hs. destruct (keep j) eqn:K; auto. right. destruct (I j K) as [Wr [G|[_ [v [r G]]]]]; [|congruence].
  unfold fates. rewrite Wr. destruct (given_up es j); [eauto|congruence].
Qed.

Lemma writer_kept es s j : idle keep (Wrote j :: es) s -> keep j = true.
Proof.
  intros I. destruct (keep j) eqn:K; auto. destruct (I j K) as [Wr _]. simpl in Wr. rewrite Nat.eqb_refl in Wr.
  discriminate.
Qed.

Lemma any_gstep_follows e es la log s s' s'' : any_gstep e la s s' -> any_gsteps es log s' s'' ->
  idle keep (e :: es) s -> in_order (kept (la ++ log)) -> foretold es log s' -> follows e es la s s'.
Proof.
  intros S L I Or F.
  assert (Ends : forall P n p w j v, j < n -> s' = GState (put P j (fst (P j), Settled v None)) n p w ->
    fates es j = (None, 0)).
  { intros P n p w j v Hj ->. apply (ended_for_good _ _ _ _ L j v); simpl; auto. now rewrite put_eq. }
  destruct S.
  - (* issue *) split.
    + unfold completion, view; simpl. rewrite (complete_ext n (see (fates es) (put P n (c, Issued))) (see (fates es) P))
        by (intros; unfold see; now rewrite put_ne by lia).
      change (fates (Other :: es)) with (fates es). destruct (complete n _ w) as [rs w1].
      unfold see at 1; rewrite put_eq; unfold complete1; simpl. destruct (run _ w1); apply oeq_refl.
    + unfold to_come; simpl. change (fates (Other :: es)) with (fates es).
      rewrite (complete_log_ext n (see (fates es) (put P n (c, Issued))) (see (fates es) P))
        by (intros; unfold see; now rewrite put_ne by lia). apply incl_appl, incl_refl.
  - (* touch *) split.
    + unfold completion, view; simpl. pose proof (see_settled (fates es) P n w i v r Hi Hs) as E.
      change (fates (Other :: es)) with (fates es). destruct (complete n _ w); simpl in *; subst; apply oeq_refl.
    + apply incl_refl.
  - (* start *) apply same_turn_follows; simpl; auto. pose proof (see_known (fates (Other :: es)) P j vs w Hk) as E.
    destruct (complete j _ w) as [rs w1]; simpl in *. unfold complete1, complete1_log, see1; simpl. rewrite Hs; simpl.
    rewrite E. split; [auto|apply incl_refl].
  - (* read *) apply same_turn_follows; simpl; auto.
    change (fates (Other :: es) j) with (fates es j).
    destruct (idle_started _ _ _ _ I Hs) as [Kj|[v Fj]].
    + assert (E : snd (complete j (see (fates (Other :: es)) P) w) k = w k).
      { apply complete_unwritten. intros b Hb Kb.
        now destruct (none_too_late_kept Other es P n p w j _ (Access j R k) log Hj Logic.I eq_refl Kj Or F b Hb Kb). }
      destruct (complete j _ w) as [rs w1]; simpl in *. unfold complete1, complete1_log, see1; simpl. rewrite Hs, Kj.
      simpl. unfold fated. destruct (fates es j) as [[v|] [|m]]; simpl;
        rewrite ?run_stop_0, ?E; (split; [auto|try apply incl_refl; apply incl_nil_l]).
    + destruct (complete j _ w) as [rs w1]. unfold complete1, complete1_log, see1; simpl. rewrite Hs; simpl.
      change (fates (Other :: es) j) with (fates es j) in Fj. rewrite Fj. unfold fated; simpl. rewrite run_stop_0.
      split; [auto|apply incl_nil_l].
  - (* write *)
    pose proof (writer_kept _ _ _ I) as Kj.
    apply write_turn_follows with log (fated (fates es j) q); auto; intros;
      unfold complete1, complete1_log, see1; simpl; rewrite ?Hs, ?wrote_fate; auto.
    unfold fated, fates; simpl. now destruct (given_up es j).
  - (* finish, fail *) apply same_turn_follows; simpl; auto. destruct (complete j _ w) as [rs w1].
    change (fates (Other :: es) j) with (fates es j).
    unfold complete1, complete1_log, see1; simpl. rewrite Hs, (Ends P n p w j v Hj eq_refl).
    split; [auto|apply incl_nil_l].
  - (* poison *) apply same_turn_follows; simpl; auto. pose proof (see_agrees (fates (Other :: es)) P j w) as A.
    destruct (complete j _ w) as [rs w1]; simpl in A. change (fates (Other :: es) j) with (fates es j).
    unfold complete1, complete1_log, see1; simpl. rewrite Hs, (Ends P n p w j v Hj eq_refl). simpl. rewrite (Hv _ A).
    split; [auto|apply incl_nil_l].
  - (* cancel *) apply same_turn_follows; simpl; auto. destruct (complete j _ w) as [rs w1].
    pose proof (Ends P n p w j v Hj eq_refl) as E. pose proof (f_equal snd E) as E2; simpl in E2.
    unfold complete1, complete1_log, see1; simpl. rewrite Hs. simpl.
    rewrite (gives_up_fate (Cancel j v) es j v), E2 by now left. unfold fated; simpl. rewrite run_stop_0, run_log_stop_0.
    split; [auto|apply incl_nil_l].
  - (* abandon *) apply same_turn_follows; simpl; auto; [eapply gives_up_of_call; eauto|].
    destruct (complete j _ w) as [rs w1]. unfold complete1, complete1_log, see1; simpl. rewrite Hs. simpl.
    rewrite (gives_up_fate e es j v He). unfold fated; simpl. destruct Hr as [-> | ->].
    + pose proof (Ends P n p w j v Hj eq_refl) as E. pose proof (f_equal snd E) as E2; simpl in E2.
      rewrite E2, run_stop_0, run_log_stop_0.
      split; [auto|apply incl_nil_l].
    + split; [auto|apply incl_refl].
  - (* read_in_doubt *) apply same_turn_follows; simpl; auto. change (fates (Other :: es) j) with (fates es j).
    assert (Kj : keep j = true \/ written es j = 0).
    { destruct (keep j) eqn:K; auto. right. apply (I j K). }
    destruct (written es j) as [|m] eqn:Wj.
    + destruct (complete j _ w) as [rs w1]. unfold complete1, complete1_log, see1; simpl. rewrite Hs. simpl.
      rewrite Wj, run_stop_0. split; [auto|apply incl_nil_l].
    + destruct Kj as [Kj|]; [|discriminate].
      assert (E : snd (complete j (see (fates (Other :: es)) P) w) k = w k).
      { apply complete_unwritten. intros b Hb Kb.
        now destruct (none_too_late_kept Other es P n p w j _ (Access j R k) log Hj Logic.I eq_refl Kj Or F b Hb Kb). }
      destruct (complete j _ w) as [rs w1]; simpl in *. unfold complete1, complete1_log, see1; simpl. rewrite Hs, Kj.
      simpl. rewrite Wj. simpl. rewrite E. split; [auto|apply incl_refl].
  - (* write_in_doubt *)
    pose proof (writer_kept _ _ _ I) as Kj.
    apply write_turn_follows with log (stop v (written es j) q); auto; intros;
      unfold complete1, complete1_log, see1; rewrite ?wrote_fate; simpl; rewrite ?Hs; auto.
  - (* end_in_doubt *) apply same_turn_follows; simpl; auto. destruct (complete j _ w) as [rs w1].
    change (fates (Other :: es) j) with (fates es j). rewrite (Ends P n p w j v Hj eq_refl).
    unfold complete1, complete1_log, see1; simpl. rewrite Hs. simpl. rewrite run_stop_0, run_log_stop_0.
    split; [auto|apply incl_nil_l].
Qed.

Definition all_ended (P : nat -> future) n := forall i, i < n -> exists v, snd (P i) = Settled v None.

Lemma ended_settled f P n : all_ended P n -> settled (see f P) n.
Proof. intros A i Hi. destruct (A i Hi) as [v Hv]. exists v. unfold see, see1. simpl. now rewrite Hv. Qed.

Lemma kept_app l l' : kept (l ++ l') = kept l ++ kept l'.
Proof. apply filter_app. Qed.

Lemma any_gsteps_follow es log s P n w : any_gsteps es log s (GState P n Done w) -> all_ended P n ->
  idle keep es s -> in_order (kept log) ->
  oeq (completion (view (fates es) s)) (completion (view (fates []) (GState P n Done w))) /\ foretold es log s.
Proof.
  intros S A. remember (GState P n Done w) as s' eqn:E.
  induction S as [s|e es la log s1 s2 s3 S L IH]; intros I Or.
  - split; [apply oeq_refl|]. subst. unfold foretold, to_come. simpl.
    rewrite complete_log_settled by (now apply ended_settled). apply incl_refl.
  - assert (Or' : in_order (kept log)) by (rewrite kept_app in Or; eapply in_order_tail; eauto).
    destruct (IH E (idle_step _ _ _ _ _ _ S I) Or') as [[A1 A2] F].
    destruct (any_gstep_follows _ _ _ _ _ _ _ S L I Or F) as [[B1 B2] T]. split.
    + split; [congruence|intro x; now rewrite B2].
    + unfold foretold. rewrite kept_app. eapply incl_tran; [exact T|]. apply incl_app_app; [apply incl_refl|exact F].
Qed.
End Rest.

(* ---------------------------------------------------------------------------------------------- the theorem *)

Definition outcome_with es p w0 (P : nat -> future) n w :=
  length (fst (sequential_with es p w0)) = n /\ weq w (snd (sequential_with es p w0)) /\
  forall i, i < n -> snd (P i) = Settled (nth i (fst (sequential_with es p w0)) dflt) None.

(* keep: the calls whose accesses are looked at; all that matter, and perhaps more *)
Theorem certificate_given_up P0 p w0 es log P n w keep :
  any_gsteps es log (GState P0 0 p w0) (GState P n Done w) -> all_ended P n ->
  (forall i, matters es i = true -> keep i = true) -> in_order (kept keep log) -> outcome_with es p w0 P n w.
Proof.
  intros S A K O.
  assert (I : idle keep es (GState P0 0 p w0)).
  { intros i Ki. destruct (matters es i) eqn:M; [rewrite (K i M) in Ki; discriminate|].
    unfold matters in M. destruct (given_up es i); [|discriminate].
    apply negb_false_iff, Nat.eqb_eq in M. split; auto. now left. }
  destruct (any_gsteps_follow _ _ _ _ _ _ _ S A I O) as [[E1 E2] _].
  unfold completion, view in E1, E2. simpl in E1, E2. unfold outcome_with, sequential_with.
  pose proof (complete_length n (see (fates []) P) w) as L.
  pose proof (complete_settled n _ w (ended_settled (fates []) P n A)) as T.
  pose proof (fun i v Hi => see_settled (fates []) P n w i v None Hi) as V.
  destruct (complete n _ w) as [rs w1]. simpl in *. rewrite E1. split; [auto|split].
  - intro x. now rewrite E2, T.
  - intros i Hi. destruct (A i Hi) as [v Hv]. now rewrite (V i v Hi Hv).
Qed.
End CertificateGivenUp.

(* certify, applied to the lines of the calls that are looked at *)
Theorem certify_given_up_sound V d err : let D := keyed V d err in forall P0 p w0 es log P n w keep lines,
  any_gsteps es log (GState P0 0 p w0) (GState P n Done w) -> all_ended P n ->
  (forall i, matters es i = true -> keep i = true) ->
  records V d err lines (kept keep log) -> certify lines = true -> outcome_with es p w0 P n w.
Proof.
  intros D P0 p w0 es log P n w keep lines S A K C E. apply (certificate_given_up _ _ _ _ _ _ _ _ _ S A K).
  now apply (certify_after_in_order V d err _ _ C []).
Qed.

(* certify_intervals, applied to those calls *)
Theorem certify_intervals_given_up_sound V d err : let D := keyed V d err in
  forall P0 p w0 es log P n w keep calls timed,
  any_gsteps es log (GState P0 0 p w0) (GState P n Done w) -> all_ended P n ->
  (forall i, matters es i = true -> keep i = true) -> kept keep log = map snd timed ->
  rises V d err timed -> (forall t x, In (t, x) timed -> exists r, In r calls /\ covered_by V d err r t x) ->
  certify_intervals calls = true -> outcome_with es p w0 P n w.
Proof.
  intros D P0 p w0 es log P n w keep calls timed S A K E T C V'.
  apply (certificate_given_up _ _ _ _ _ _ _ _ _ S A K). rewrite E. eapply intervals_in_order; eauto.
Qed.
