(* Failures. Errors are values, so T1 and T2 hold for calls that fail, too: they equal the sequential run that goes on
   after an error (mode `poison`). This file is about the other meaning: the sequential run that stops at the first error.

   K are the keys that matter: those of irreversible tools, or all keys (mode `strict`). The barrier: a call may write a
   key of K only when every earlier call has ended without an error; if all have ended and one has failed, it is
   `not_executed`: it ends with an error and has no effect.

   T6. Once a call has failed and all before it have succeeded, the results up to it, and the world on K, are those of
       the run that stopped there, whatever was speculated after it. (Values are precise; a transcript that went on
       after the failed call has to be cut back to it, as the mode `strict` does.)
   T7. The barrier brings no deadlock: some rule that keeps it can be taken until everything has ended; and no infinite
       schedule.

   Not covered: that the scheduler lets a call through the barrier if the decoder had been told of the failure when it
   issued the call. There is no run that stopped to compare it with; HeldBack.v is about such runs. *)
From Coq Require Import List Arith Lia.
From AsyncFC Require Import Machine Independence Invariant Safety Progress Termination.
Import ListNotations.

Section Failure.
Context {D : Domain}.
Variable K : Key -> Prop.

(* the sequential machine that stops at the first error *)
Fixpoint fail_stop (p : prog) (rs : list Val) (w : world) : list Val * world :=
  match p with
  | Done => (rs, w)
  | Let c p => let (v, w') := run (body c (args rs (deps c))) w in
               if is_error v then (rs ++ [v], w') else fail_stop p (rs ++ [v]) w'
  | Touch i p => fail_stop (p (nth i rs dflt)) rs w
  end.

(* every call before j has ended without an error *)
Definition succeeded (P : nat -> entry) j := forall i, i < j -> exists v, snd (P i) = Resolved v /\ is_error v = false.

(* a call that runs keeps its hands off K, or runs behind calls that have all succeeded *)
Definition may_run (P : nat -> entry) j :=
  (exists vs, known P j vs /\ forall k, K k -> ~ writes (footprint (fst (P j)) vs) k) \/ succeeded P j.
Definition barrier s := forall j q, j < issued s -> snd (futures s j) = Running q -> may_run (futures s) j.

Inductive bstep : state -> state -> Prop :=
| keeping s s' : step s s' -> barrier s' -> bstep s s'
| not_executed P n j p w v i u (Hj : j < n) (Hs : snd (P j) = Pending) (Ha : settled P j)
    (Hi : i < j) (Hu : snd (P i) = Resolved u) (He : is_error u = true) (Hv : is_error v = true) :
    bstep (State P n p w) (State (put P j (fst (P j), Resolved v)) n p w).
Inductive bsteps : state -> state -> Prop :=
| bsteps_refl s : bsteps s s
| bsteps_step s1 s2 s3 : bstep s1 s2 -> bsteps s2 s3 -> bsteps s1 s3.

(* --------------------------------------------------------------------------- the invariant: completion, up to a stop *)

(* As `complete` and `completion`, but with the first error the rest is never done; true: it has come to that. *)
Fixpoint complete_stop (n : nat) (P : nat -> entry) (w : world) : bool * (list Val * world) :=
  match n with
  | 0 => (false, ([], w))
  | S m => let (b, o) := complete_stop m P w in if b then (true, o) else
           let (v, w2) := complete1 (fst o) (P m) (snd o) in (is_error v, (fst o ++ [v], w2))
  end.
Definition stop_completion (s : state) := let (b, o) := complete_stop (issued s) (futures s) (store s) in
  if b then o else fail_stop (program s) (fst o) (snd o).

Definition weqK (w w' : world) := forall k, K k -> w k = w' k.
Definition oeqK (a b : list Val * world) := fst a = fst b /\ weqK (snd a) (snd b).

(* after a stop only the keys of K matter; before it the whole world does *)
Definition feq (a b : bool * (list Val * world)) := fst a = fst b /\ fst (snd a) = fst (snd b) /\
  (if fst a then weqK else weq) (snd (snd a)) (snd (snd b)).

Lemma weq_if (b : bool) w w' : weq w w' -> (if b then weqK else weq) w w'.
Proof. destruct b; intros H k; auto. Qed.

Lemma feq_refl a : feq a a.
Proof. repeat split. apply weq_if; intro; auto. Qed.

Lemma fail_stop_weq p : forall rs w w', weq w w' -> oeq (fail_stop p rs w) (fail_stop p rs w').
Proof.
  induction p; simpl; intros rs w w' E.
  - now split.
  - destruct (run_weq (body c (args rs (deps c))) _ _ E) as [E1 E2].
    destruct (run _ w), (run _ w'); simpl in *; subst. destruct (is_error v0); auto. now split.
  - auto.
Qed.

Lemma complete_stop_false n P w : fst (complete_stop n P w) = false -> snd (complete_stop n P w) = complete n P w.
Proof.
  induction n; simpl; auto. destruct (complete_stop n P w) as [b o]; simpl in *. destruct b; [discriminate|].
  rewrite <- IHn by auto. destruct o as [rs w1]; simpl. now destruct (complete1 rs (P n) w1).
Qed.

Lemma complete_stop_ext n P Q w : (forall i, i < n -> P i = Q i) -> complete_stop n P w = complete_stop n Q w.
Proof. induction n; simpl; intros H; auto. now rewrite IHn, H by auto. Qed.

Lemma complete_stop_put n P w j e : n <= j -> complete_stop n (put P j e) w = complete_stop n P w.
Proof. intros; apply complete_stop_ext; intros; now rewrite put_ne by lia. Qed.

Lemma complete_stop_succeeded n P w : succeeded P n -> complete_stop n P w = (false, (fst (complete n P w), w)).
Proof.
  induction n; simpl; intros H; auto. rewrite IHn by (intros i Hi; apply H; lia).
  assert (E : snd (complete n P w) = w).
  { apply complete_settled; intros i Hi. destruct (H i) as [v [Hv _]]; eauto. }
  destruct (H n ltac:(lia)) as [v [Hv Hn]]. destruct (complete n P w) as [rs w1]; simpl in *; subst.
  unfold complete1; rewrite Hv, Hn; reflexivity.
Qed.

(* what has stopped stays as it is *)
Lemma complete_stop_stays m n P w : m <= n -> fst (complete_stop m P w) = true ->
  complete_stop n P w = complete_stop m P w.
Proof.
  induction 1; auto. intros H'. simpl. rewrite IHle by auto. destruct (complete_stop m P w) as [b o].
  simpl in H'; subst; auto.
Qed.

Lemma complete_stop_suffix n j P Q w w' : j < n -> (forall i, j < i -> P i = Q i) ->
  feq (complete_stop (S j) P w) (complete_stop (S j) Q w') -> feq (complete_stop n P w) (complete_stop n Q w').
Proof.
  intros Hj HPQ H. induction n; [lia|]. destruct (Nat.eq_dec j n); [subst; auto|].
  destruct IHn as [E0 [E1 E2]]; [lia|]. change (feq (complete_stop (S n) P w) (complete_stop (S n) Q w')). simpl.
  destruct (complete_stop n P w) as [b1 [rs1 u1]], (complete_stop n Q w') as [b2 [rs2 u2]]; simpl in *; subst.
  destruct b2; [repeat split; auto|].
  rewrite (HPQ n) by lia. destruct (complete1_weq rs2 (Q n) _ _ E2) as [F1 F2].
  destruct (complete1 rs2 (Q n) u1), (complete1 rs2 (Q n) u2); simpl in *; subst; repeat split.
  now apply weq_if.
Qed.

Lemma stop_completion_put P n p w w' j e : j < n ->
  feq (complete_stop (S j) P w) (complete_stop (S j) (put P j e) w') ->
  oeqK (stop_completion (State P n p w)) (stop_completion (State (put P j e) n p w')).
Proof.
  intros Hj H. unfold stop_completion; simpl.
  destruct (complete_stop_suffix n j P (put P j e) w w' Hj) as [E0 [E1 E2]]; auto.
  { intros; now rewrite put_ne by lia. }
  destruct (complete_stop n P w) as [b o], (complete_stop n (put P j e) w') as [b' o']; simpl in *; subst.
  destruct b'; [now split|]. rewrite E1. destruct (fail_stop_weq p (fst o') _ _ E2); split; auto.
  intros k _; auto.
Qed.

Lemma complete_stop_upd P n p0 w0 f k v w : Inv (State P n p0 w0) -> writes f k ->
  forall j, j <= n -> quiet P j f ->
  fst (complete_stop j P (upd w k v)) = fst (complete_stop j P w) /\
  oeq (snd (complete_stop j P (upd w k v)))
      (fst (snd (complete_stop j P w)), upd (snd (snd (complete_stop j P w))) k v).
Proof.
  intros I A. induction j; intros L Q; [repeat split; simpl; auto|]. simpl.
  destruct (IHj ltac:(lia) ltac:(intros i Hi; apply Q; lia)) as [E0 [E1 E2]].
  pose proof (quiet_calm P n p0 w0 j (S j) f w I ltac:(lia) ltac:(lia) Q) as H. unfold calm in H.
  pose proof (complete_stop_false j P w) as C.
  destruct (complete_stop j P w) as [b [rs w1]], (complete_stop j P (upd w k v)) as [b' [rs' w1']]; simpl in *; subst.
  destruct b; [repeat split; auto|]. rewrite <- C in H by auto; simpl in H.
  destruct H as [[u Hu]|[p [g [W [Df E]]]]].
  - unfold complete1; rewrite Hu; repeat split; auto.
  - rewrite !E. destruct (run_weq p _ _ E2) as [F1 F2].
    destruct (run_upd g p W k v w1 (proj2 (Df k) A)) as [G1 G2].
    destruct (run p w1), (run p w1'), (run p (upd w1 k v)); simpl in *; subst.
    repeat split; simpl; auto. intro x; now rewrite F2, G2.
Qed.

(* rules that do not change what call j will do, nor the world *)
Lemma same_future P n p w j e : j < n ->
  (fst (complete_stop j P w) = false -> complete1 (fst (complete j P w)) e (snd (complete j P w)) =
                                        complete1 (fst (complete j P w)) (P j) (snd (complete j P w))) ->
  oeqK (stop_completion (State P n p w)) (stop_completion (State (put P j e) n p w)).
Proof.
  intros Hj H. apply stop_completion_put; auto. simpl. rewrite complete_stop_put, put_eq by auto.
  pose proof (complete_stop_false j P w) as C. destruct (complete_stop j P w) as [[|] o]; [apply feq_refl|].
  simpl in *. rewrite C, H by auto. apply feq_refl.
Qed.

Lemma stop_completion_step s s' : Inv s -> barrier s -> step s s' -> oeqK (stop_completion s) (stop_completion s').
Proof.
  intros I B S; destruct S.
  - (* issue *) unfold stop_completion; simpl. rewrite complete_stop_put by auto.
    destruct (complete_stop n P w) as [[|] [rs w1]]; [repeat split|]. rewrite put_eq; unfold complete1; simpl.
    destruct (run _ w1); simpl. destruct (is_error v); repeat split.
  - (* touch *) unfold stop_completion; simpl. pose proof (complete_resolved n P w i v Hi Hs) as E.
    pose proof (complete_stop_false n P w) as C. destruct (complete_stop n P w) as [[|] o]; [repeat split|].
    simpl in *; rewrite C, E by auto; repeat split.
  - (* start *) apply same_future; auto. intros _. unfold complete1; rewrite Hs; simpl.
    now rewrite (complete_known P j vs w Hk).
  - (* read *) apply same_future; auto. intros _. unfold complete1; rewrite Hs; simpl.
    destruct (I j _ Hj Hs) as [vs [R [W Q]]]; simpl in *. inversion W; subst.
    now rewrite (complete_frame P n p w _ k w I H1 j ltac:(lia) Q).
  - (* write *) apply stop_completion_put; auto. simpl. rewrite complete_stop_put by auto.
    destruct (I j _ Hj Hs) as [vs [R [W Q]]]; simpl in *. inversion W; subst.
    destruct (complete_stop_upd P n p w _ k v w I ltac:(eassumption) j ltac:(lia) Q) as [E0 [E1 E2]].
    destruct (B j _ Hj Hs) as [[vs' [R' Pu]]|O]; simpl in *.
    + rewrite (known_unique _ _ _ _ R' R) in Pu.
      destruct (complete_stop j P w) as [b [rs w1]], (complete_stop j P (upd w k v)) as [b' [rs' w1']];
        simpl in *; subst. destruct b.
      * repeat split. intros x Hx; simpl. rewrite E2. unfold upd; destruct (key_eq k x); auto.
        subst; exfalso; eapply Pu; eauto.
      * rewrite put_eq; unfold complete1; rewrite Hs; simpl.
        destruct (run_weq q (upd w1 k v) w1') as [F1 F2]; [intro; now rewrite E2|].
        destruct (run q (upd w1 k v)), (run q w1'); simpl in *; subst; repeat split. now apply weq_if.
    + rewrite !complete_stop_succeeded by auto. rewrite put_eq; unfold complete1; rewrite Hs; simpl.
      assert (X : fst (complete j P (upd w k v)) = fst (complete j P w)).
      { apply (complete_upd P n p w _ k v w I ltac:(eassumption) j ltac:(lia) Q). }
      rewrite X. apply feq_refl.
  - (* finish *) apply same_future; auto. intros _. unfold complete1; now rewrite Hs.
  - (* fail *) apply same_future; auto. intros _. unfold complete1; now rewrite Hs.
Qed.

(* if all calls before j have ended, and one with an error, completion stops before j *)
Lemma settled_stop P j w i u : settled P j -> i < j -> snd (P i) = Resolved u -> is_error u = true ->
  fst (complete_stop j P w) = true.
Proof.
  induction j; intros A Hi Hu He; [lia|]. simpl. destruct (Nat.eq_dec i j) as [->|Ne].
  - destruct (complete_stop j P w) as [[|] o]; simpl; auto. unfold complete1; rewrite Hu; auto.
  - assert (X : fst (complete_stop j P w) = true) by (apply IHj; auto; [intros x Hx; apply A; lia|lia]).
    destruct (complete_stop j P w) as [b o]; simpl in X; subst; auto.
Qed.

(* -------------------------------------------------------------------------------------- what the barrier rules keep *)

Lemma barrier_put P n p w p' w' j s : barrier (State P n p w) -> (forall v, snd (P j) <> Resolved v) ->
  (forall q, s = Running q -> may_run P j) -> barrier (State (put P j (fst (P j), s)) n p' w').
Proof.
  intros B N H i q Hi E. simpl in *.
  assert (G : may_run P i).
  { destruct (Nat.eq_dec i j); [subst; rewrite put_eq in E; exact (H q E)|].
    rewrite put_ne in E by auto. now apply (B i q). }
  destruct G as [[vs [R Q]]|O]; [left; exists vs; split|right].
  - apply known_mono with P; auto; [now rewrite put_call|intros; now apply put_resolved].
  - now rewrite put_call.
  - intros x Hx; destruct (O x Hx) as [v [X Y]]. exists v; split; auto using put_resolved.
Qed.

Lemma Inv_bstep s s' : Inv s -> bstep s s' -> Inv s'.
Proof.
  intros I B; destruct B as [? ? S _|]; [eapply Inv_step; eauto|]. eapply Inv_put; eauto; [congruence|discriminate].
Qed.

Lemma barrier_bstep s s' : barrier s -> bstep s s' -> barrier s'.
Proof. intros B N; destruct N as [? ? _ B'|]; auto. eapply barrier_put; eauto; [congruence|discriminate]. Qed.

Lemma stop_completion_bstep s s' : Inv s -> barrier s -> bstep s s' ->
  oeqK (stop_completion s) (stop_completion s').
Proof.
  intros I B N; destruct N as [? ? S _|]; [now apply stop_completion_step|]. apply same_future; auto.
  intros X. now rewrite (settled_stop P j w i u) in X by auto.
Qed.

Lemma stop_completion_bsteps s s' : bsteps s s' -> Inv s -> barrier s -> oeqK (stop_completion s) (stop_completion s').
Proof.
  induction 1; intros I B; [split; auto; intros k _; auto|].
  destruct (IHbsteps (Inv_bstep _ _ I H) (barrier_bstep _ _ B H)) as [E1 E2].
  destruct (stop_completion_bstep _ _ I B H) as [F1 F2].
  split; [congruence|intros x Hx; now rewrite F2, E2].
Qed.

Lemma barrier_first P0 p w0 : barrier (State P0 0 p w0).
Proof. intros j q Hj; simpl in Hj; lia. Qed.

(* -------------------------------------------------------------------------------------------------------------- T6 *)

Theorem precise_failure P0 p w0 s m v : bsteps (State P0 0 p w0) s -> m < issued s ->
  snd (futures s m) = Resolved v -> is_error v = true -> succeeded (futures s) m ->
  length (fst (fail_stop p [] w0)) = S m /\ weqK (store s) (snd (fail_stop p [] w0)) /\
  (forall i u, i <= m -> snd (futures s i) = Resolved u -> nth i (fst (fail_stop p [] w0)) dflt = u).
Proof.
  intros S Hm Hv He O.
  destruct (stop_completion_bsteps _ _ S (Inv_first _ _ _) (barrier_first _ _ _)) as [E1 E2].
  unfold stop_completion in E1, E2; simpl in E1, E2.
  assert (C : complete_stop (Datatypes.S m) (futures s) (store s) =
              (true, (fst (complete (Datatypes.S m) (futures s) (store s)), store s))).
  { simpl. rewrite complete_stop_succeeded by auto. simpl.
    assert (X : snd (complete m (futures s) (store s)) = store s).
    { apply complete_settled; intros i Hi. destruct (O i Hi) as [u [Hu _]]; eauto. }
    destruct (complete m (futures s) (store s)) as [rs w1]; simpl in *; subst.
    unfold complete1; rewrite Hv, He; reflexivity. }
  rewrite (complete_stop_stays (Datatypes.S m) (issued s)) in E1, E2 by (auto; rewrite C; auto).
  rewrite C in E1, E2. cbn [fst snd] in E1, E2. rewrite E1. split; [apply complete_length|split].
  - intros x Hx; now rewrite E2.
  - intros i u Hi Hu. apply complete_resolved; auto; lia.
Qed.

(* -------------------------------------------------------------------------------------------------------------- T7 *)

Lemma succeeded_or_failed (P : nat -> entry) n : settled P n ->
  succeeded P n \/ exists m v, m < n /\ snd (P m) = Resolved v /\ is_error v = true.
Proof.
  induction n; intros A; [left; intros i Hi; lia|].
  destruct IHn as [O|[m [v [H1 H2]]]]; [intros i Hi; apply A; lia| |right; exists m, v; split; [lia|auto]].
  destruct (A n ltac:(lia)) as [v Hv]. destruct (is_error v) eqn:E; [right; exists n, v; auto|left].
  intros i Hi. destruct (Nat.eq_dec i n); [subst; eauto|apply O; lia].
Qed.

(* an error that a call which was not executed may have *)
Variable refusal : Val.
Hypothesis refusal_is_error : is_error refusal = true.

Theorem progress_barrier s : WF s -> barrier s ->
  (exists s', bstep s s') \/ (program s = Done /\ settled (futures s) (issued s)).
Proof.
  destruct s as [P n p w]; intros [W F] B; simpl in *.
  destruct (lowest_open P n) as [A|[j [Hj [N A]]]].
  - inversion W; subst; [right; auto|left|left].
    + eexists; eapply keeping; [apply issue|]. intros i q Hi E; simpl in *.
      destruct (Nat.eq_dec i n); [subst; rewrite put_eq in E; discriminate|].
      rewrite put_ne in E by auto. destruct (A i ltac:(lia)); congruence.
    + destruct (A i H) as [v Hv]. eexists; eapply keeping; [eapply touch; eauto|]. exact B.
  - left. destruct (snd (P j)) as [|q|v] eqn:E; [| |now destruct (N v)].
    + destruct (succeeded_or_failed P j A) as [O|[m [v [H1 [H2 H3]]]]].
      * destruct (settled_known P j A (F j Hj)) as [vs R]. eexists; eapply keeping.
        -- eapply start; eauto using settled_quiet.
        -- apply barrier_put with p w; [exact B|congruence|]. intros q _; right; exact O.
      * eexists; eapply not_executed; eauto.
    + destruct (running_steps P n j p w q Hj E) as [s [w' [S _]]]. eexists; eapply keeping; [exact S|].
      apply barrier_put with p w; [exact B|congruence|]. intros q' _; now apply (B j q).
Qed.

Theorem terminating_barrier s : Acc (fun s' s => bstep s s') s.
Proof.
  eapply Acc_sub; [|apply moves_wf]. intros s2 s1 N; destruct N as [? ? S _|]; [now apply step_moves|].
  right; do 3 eexists; split; [|split]; [| |reflexivity]; simpl; auto. rewrite Hs; constructor.
Qed.
End Failure.
