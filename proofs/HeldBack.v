(* T13. Calls that are held back: in the modes `poison` and `barrier`, a call behind the barrier (of an irreversible tool,
   say) runs when all earlier calls have ended, if none of them failed but those of whose failure the decoder had been
   told when it issued the call. Else it is not executed: it ends with an error and has no effect.

   This, too, equals the sequential run: that of core/sequential.py (`in_order`), where a call behind the barrier looks
   at the failures so far. In every reachable state (held_values) and at the end (held_safety); and nothing is stuck or
   goes on for ever (held_completes, held_terminating).

   The idea: to stand behind the barrier is to have all earlier futures among one's arguments. `guarded c` is the call
   with these arguments, which looks for failures and then does what c does; its gate `known` is the barrier
   (barrier_is_known). So Machine.v needs no new rule for it.

   One rule is new: [poison], by which a call ends at once, whatever it still waits for, if it is certain that it will do
   nothing but return v. So a call with an error among its arguments fails as soon as these are known, without waiting
   for other calls before it, or for the barrier (poison_applies); and a call may be refused as it is issued.

   Not covered: in the mode `barrier` a call stands behind the barrier if it turns out to write something; here whether
   it does is a matter of the call, not of its arguments. *)
From Coq Require Import List Arith Bool Lia.
From AsyncFC Require Import Machine Independence Invariant Safety Progress Termination.
Import ListNotations.

Section HeldBack.
Context {D : Domain}.

(* ---------------------------------------------------------------------------------------------- the rule [poison] *)

Inductive hstep : state -> state -> Prop :=
| by_rule s s' : step s s' -> hstep s s'
| poison P n j p w v (Hj : j < n) (Hs : snd (P j) = Pending)
    (Hv : forall vs, agrees P j vs -> body (fst (P j)) vs = Return v) :
    hstep (State P n p w) (State (put P j (fst (P j), Resolved v)) n p w).
Inductive hsteps : state -> state -> Prop :=
| hsteps_refl s : hsteps s s
| hsteps_step s1 s2 s3 : hstep s1 s2 -> hsteps s2 s3 -> hsteps s1 s3.

Lemma Inv_hstep s s' : Inv s -> hstep s s' -> Inv s'.
Proof. intros I H; destruct H; [eapply Inv_step; eauto|]. eapply Inv_put; eauto; [congruence|discriminate]. Qed.

Lemma completion_hstep s s' : Inv s -> hstep s s' -> oeq (completion s) (completion s').
Proof.
  intros I H; destruct H; [now apply completion_step|].
  apply completion_put; auto. simpl. rewrite complete_put by auto. pose proof (complete_agrees P j w) as A.
  destruct (complete j P w) as [rs w1]; simpl in A.
  rewrite put_eq; unfold complete1; rewrite Hs, (Hv _ A); simpl. apply oeq_refl.
Qed.

Lemma completion_hsteps s s' : hsteps s s' -> Inv s -> Inv s' /\ oeq (completion s) (completion s').
Proof.
  induction 1 as [s|s1 s2 s3 S _ IH]; intros I; [split; auto using oeq_refl|].
  destruct (IH (Inv_hstep _ _ I S)) as [I' [E1 E2]]. destruct (completion_hstep _ _ I S) as [F1 F2].
  split; auto. split; [congruence|intro x; now rewrite F2].
Qed.

(* T1 and T2 with this rule *)
Lemma hsteps_values P0 p w0 s i v : hsteps (State P0 0 p w0) s -> i < issued s ->
  snd (futures s i) = Resolved v -> nth i (fst (sequential p [] w0)) dflt = v.
Proof. intro S. apply completed_values with P0, (completion_hsteps _ _ S (Inv_first _ _ _)). Qed.

Lemma hsteps_safety P0 p w0 P n w : hsteps (State P0 0 p w0) (State P n Done w) -> settled P n ->
  length (fst (sequential p [] w0)) = n /\ weq w (snd (sequential p [] w0)) /\
  (forall i, i < n -> snd (P i) = Resolved (nth i (fst (sequential p [] w0)) dflt)).
Proof. intro S. apply completed_safety with P0, (completion_hsteps _ _ S (Inv_first _ _ _)). Qed.

(* ---------------------------------------------------------------------------------------------------- the barrier *)

Variable guard : call -> bool.          (* which calls stand behind the barrier *)
Variable origin : Val -> nat.           (* of an error: the call where the failure began *)
Variable refusal : nat -> Val.          (* the error of a call that was not executed because of that failure *)

(* The error of a call behind the barrier, if the calls before it have the results rs and the decoder has been told of
   these failures; None if it goes. One with an error among its own arguments is left to itself: it fails by itself. *)
Definition held_back (told : list nat) (c : call) (rs : list Val) : option Val :=
  if existsb is_error (args rs (deps c)) then None
  else match find (fun v => is_error v && negb (existsb (Nat.eqb (origin v)) told)) rs with
       | Some v => Some (refusal (origin v))
       | None => None
       end.

Definition tell (told : list nat) (v : Val) := if is_error v then origin v :: told else told.

(* the sequential machine with the barrier *)
Fixpoint in_order (told : list nat) (p : prog) (rs : list Val) (w : world) : list Val * world :=
  match p with
  | Done => (rs, w)
  | Let c p =>
      let (v, w') := match (if guard c then held_back told c rs else None) with
                     | Some v => (v, w)
                     | None => run (body c (args rs (deps c))) w
                     end in in_order told p (rs ++ [v]) w'
  | Touch i p => in_order (tell told (nth i rs dflt)) (p (nth i rs dflt)) rs w
  end.

Definition nothing : fprint := Footprint (fun _ => False) (fun _ => False).

(* call number n, behind the barrier *)
Definition guarded_body told c rs :=
  match held_back told c rs with Some v => Return v | None => body c (args rs (deps c)) end.
Definition guarded_footprint told c rs :=
  match held_back told c rs with Some _ => nothing | None => footprint c (args rs (deps c)) end.
Lemma guarded_sound told c rs : within (guarded_footprint told c rs) (guarded_body told c rs).
Proof. unfold guarded_footprint, guarded_body. destruct (held_back told c rs); [constructor|apply sound]. Qed.
Definition guarded told n c : call :=
  MkCall (seq 0 n) (guarded_body told c) (guarded_footprint told c) (guarded_sound told c).

Fixpoint with_barrier (told : list nat) (n : nat) (p : prog) : prog :=
  match p with
  | Done => Done
  | Let c p => Let (if guard c then guarded told n c else c) (with_barrier told (S n) p)
  | Touch i p => Touch i (fun v => with_barrier (tell told v) n (p v))
  end.

(* the gate: all earlier calls have ended *)
Lemma barrier_is_known P j : deps (fst (P j)) = seq 0 j -> ((exists vs, known P j vs) <-> settled P j).
Proof.
  intros E. split.
  - intros [vs K] i Hi. unfold known in K. rewrite E in K.
    assert (I : In i (seq 0 j)) by (apply in_seq; lia).
    clear E Hi. induction K as [|d v ds us [_ Hv] K IH]; simpl in I; [tauto|]. destruct I as [<-|I]; eauto.
  - intros A. apply settled_known; auto. rewrite E. apply Forall_forall. intros d Hd. apply in_seq in Hd; lia.
Qed.

Lemma args_all rs : args rs (seq 0 (length rs)) = rs.
Proof.
  unfold args. assert (G : forall pre rs, map (fun d => nth d (pre ++ rs) dflt) (seq (length pre) (length rs)) = rs).
  { intros pre rs0; revert pre; induction rs0 as [|v rs0 IH]; intros pre; simpl; auto.
    rewrite app_nth2, Nat.sub_diag by lia. simpl. f_equal.
    specialize (IH (pre ++ [v])). rewrite <- app_assoc, app_length in IH; simpl in IH.
    now rewrite Nat.add_1_r in IH. }
  apply (G [] rs).
Qed.

Lemma sequential_with_barrier p : forall told n rs w, length rs = n ->
  sequential (with_barrier told n p) rs w = in_order told p rs w.
Proof.
  induction p; simpl; intros told n rs w L; auto.
  destruct (guard c); simpl.
  - subst n. rewrite args_all. unfold guarded_body. destruct (held_back told c rs) as [v|]; simpl.
    + apply IHp. rewrite app_length; simpl; lia.
    + destruct (run _ w). apply IHp. rewrite app_length; simpl; lia.
  - destruct (run _ w). apply IHp. rewrite app_length; simpl; lia.
Qed.

Lemma wf_with_barrier p : forall told n, wf_prog n p -> wf_prog n (with_barrier told n p).
Proof.
  induction p; simpl; intros told n W; inversion W; subst; constructor; auto.
  destruct (guard c); auto. simpl. apply Forall_forall. intros d Hd. apply in_seq in Hd; lia.
Qed.

(* ------------------------------------------------------------------------------------------------- the theorems *)

Theorem held_values P0 p w0 s i v : hsteps (State P0 0 (with_barrier [] 0 p) w0) s -> i < issued s ->
  snd (futures s i) = Resolved v -> nth i (fst (in_order [] p [] w0)) dflt = v.
Proof. rewrite <- (sequential_with_barrier p [] 0) by auto. apply hsteps_values. Qed.

Theorem held_safety P0 p w0 P n w : hsteps (State P0 0 (with_barrier [] 0 p) w0) (State P n Done w) -> settled P n ->
  length (fst (in_order [] p [] w0)) = n /\ weq w (snd (in_order [] p [] w0)) /\
  (forall i, i < n -> snd (P i) = Resolved (nth i (fst (in_order [] p [] w0)) dflt)).
Proof. rewrite <- (sequential_with_barrier p [] 0) by auto. apply hsteps_safety. Qed.

Lemma WF_hstep s s' : WF s -> hstep s s' -> WF s'.
Proof. intros W H; destruct H; [eapply WF_step; eauto|]. eapply WF_put; [|exact W]. now destruct W. Qed.

Lemma WF_hsteps s s' : hsteps s s' -> WF s -> WF s'.
Proof. induction 1; auto. eauto using WF_hstep. Qed.

(* wherever a run has got to, it can be brought to its end, by the rules of Machine.v alone *)
Theorem held_completes P0 p w0 s : wf_prog 0 p -> hsteps (State P0 0 (with_barrier [] 0 p) w0) s ->
  exists s', steps s s' /\ program s' = Done /\ settled (futures s') (issued s').
Proof.
  intros W S. apply completes. eapply WF_hsteps; [exact S|]. apply WF_first. now apply wf_with_barrier.
Qed.

Theorem held_terminating s : Acc (fun s' s => hstep s s') s.
Proof.
  eapply Acc_sub; [|apply moves_wf]. intros s2 s1 H; destruct H as [s1 s2 S|]; [now apply step_moves|].
  right; do 3 eexists; split; [|split]; [| |reflexivity]; simpl; auto. rewrite Hs; constructor.
Qed.

(* What the wrapper of a tool does: with an error among its arguments, nothing but fail. *)
Definition poisonable c := forall vs, existsb is_error vs = true -> exists v, body c vs = Return v.

(* Such a call settles as soon as its own arguments are known, also behind the barrier. *)
Theorem poison_applies P n j p w vs c told : j < n -> snd (P j) = Pending -> poisonable c ->
  fst (P j) = guarded told j c -> (forall d, In d (deps c) -> d < j) ->
  Forall2 (fun d v => snd (P d) = Resolved v) (deps c) vs -> existsb is_error vs = true ->
  exists v, hstep (State P n p w) (State (put P j (fst (P j), Resolved v)) n p w).
Proof.
  intros Hj Hs Po C B K Er. destruct (Po vs Er) as [v Hb]. exists v. apply poison; auto.
  intros us A. rewrite C; simpl. unfold guarded_body, held_back.
  assert (X : args us (deps c) = vs).
  { unfold agrees in A. rewrite C in A; simpl in A.
    assert (N : forall d u, d < j -> snd (P d) = Resolved u -> nth d us dflt = u).
    { intros d u Hd Hu. clear - A Hd Hu.
      assert (G : forall m ds us, Forall2 (fun d v => forall u, d < j -> snd (P d) = Resolved u -> v = u) ds us ->
                ds = seq m (length ds) -> forall d u, m <= d -> d < m + length ds -> d < j ->
                snd (P d) = Resolved u -> nth (d - m) us dflt = u).
      { intros m ds us0 F; revert m; induction F as [|d0 v0 ds us0 H0 F IH]; simpl; intros m E d1 u1 L1 L2 L3 H1; [lia|].
        inversion E as [[E1 E2]]. subst d0. destruct (Nat.eq_dec d1 m) as [->|Ne].
        - rewrite Nat.sub_diag. now apply H0.
        - replace (d1 - m) with (S (d1 - S m)) by lia. apply (IH (S m)); auto; lia. }
      replace d with (d - 0) by lia. apply (G 0 (seq 0 j) us A); rewrite ?seq_length; auto; lia. }
    unfold args. clear - K B N. induction K as [|d v ds vs H K IH]; simpl; auto. f_equal.
    - apply N; auto. apply B; now left.
    - apply IH. intros; apply B; now right. }
  now rewrite X, Er.
Qed.
End HeldBack.
