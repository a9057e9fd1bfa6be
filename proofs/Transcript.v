(* T10. The transcript does not depend on the schedule. Where values are shown to the model only when it touches a
   future (delivery on_touch), what it sees is: which calls it issued, which futures it touched, and the values it got.

     At every moment of every run, the transcript so far is a beginning of that of the sequential run; when the program
     has ended, all of it.

   So two schedules show the model the same, as long as both last. And since a model is a function of its transcript,
   it issues the same calls in both (same_conversation, for any such function).

   Why: a touch goes on only when its future is resolved, and then the value is the sequential one (T1). Here that is
   one more thing that no step changes: the transcript so far, followed by the transcript of the completion.

   What corresponds to what: Issued is a call of an assistant's message, answered with its future, whose number follows
   from its place; Touched is the answer to await_future with mode "all" and no timeout (several futures are several
   touches, in the order of ids). Both are messages of core/transcript.py, which add nothing that is not in them. A call
   behind the barrier is one like any other (HeldBack.v): of what failures it was issued in knowledge is in the transcript.

   Not so: delivery when_idle or rewrite, a grace (values in place, if they are there in time), await_future with mode
   "any" or a timeout, duplicates other than `run`, guards that count what is pending, calls that are given up, the cut
   of the mode strict. What the model sees then depends on time (early_values_differ). The values that it sees do not
   (T1): such a run is one of the program with a touch wherever a value was given. *)
From Coq Require Import List Arith Lia.
From AsyncFC Require Import Machine Independence Invariant Safety HeldBack.
Import ListNotations.

Section Transcript.
Context {D : Domain}.

Inductive event := Issued (c : call) | Touched (i : nat) (v : Val).
Definition transcript := list event.

(* The rules of Machine.v, and [poison] of HeldBack.v, without which there is no barrier. A step of the tools is one that
   goes on in the same way when the program has ended. *)
Inductive shows : state -> transcript -> state -> Prop :=
| shows_issue P n c p w : shows (State P n (Let c p) w) [Issued c] (State (put P n (c, Pending)) (S n) p w)
| shows_touch P n i p w v : i < n -> snd (P i) = Resolved v ->
    shows (State P n (Touch i p) w) [Touched i v] (State P n (p v) w)
| shows_nothing P Q n p w w' : hstep (State P n Done w) (State Q n Done w') ->
    shows (State P n p w) [] (State Q n p w').

Inductive shows_all : state -> transcript -> state -> Prop :=
| shows_refl s : shows_all s [] s
| shows_step s1 s2 s3 t1 t2 : shows s1 t1 s2 -> shows_all s2 t2 s3 -> shows_all s1 (t1 ++ t2) s3.

(* this is that machine, with its transcript *)
Lemma shows_is_step s s' : hstep s s' <-> exists t, shows s t s'.
Proof.
  split.
  - intros [a b S|]; [destruct S|]; eexists; try (constructor; solve [eauto]); apply shows_nothing;
      eauto using by_rule, start, read, write, finish, fail, poison.
  - intros [t S]. destruct S as [| |P Q n p w w' S]; eauto using by_rule, issue, touch.
    inversion S as [a b S'|]; subst; [inversion S'; subst|];
      eauto using by_rule, start, read, write, finish, fail, poison.
Qed.

Lemma steps_show s s' : hsteps s s' <-> exists t, shows_all s t s'.
Proof.
  split.
  - induction 1 as [s|s1 s2 s3 S _ [t2 IH]]; [exists []; constructor|].
    apply shows_is_step in S as [t1 S]. exists (t1 ++ t2). econstructor; eauto.
  - intros [t S]. induction S; econstructor; eauto. apply shows_is_step. eauto.
Qed.

(* ---------------------------------------------------------------------------------------- the sequential transcript *)

Fixpoint told (p : prog) (rs : list Val) (w : world) : transcript :=
  match p with
  | Done => []
  | Let c p => let (v, w') := run (body c (args rs (deps c))) w in Issued c :: told p (rs ++ [v]) w'
  | Touch i p => Touched i (nth i rs dflt) :: told (p (nth i rs dflt)) rs w
  end.

(* of the completion of a state: the calls that were issued are already in the transcript *)
Definition completion_told (s : state) : transcript :=
  let (rs, w) := complete (issued s) (futures s) (store s) in told (program s) rs w.

Lemma told_weq p : forall rs w w', weq w w' -> told p rs w = told p rs w'.
Proof.
  induction p; simpl; intros rs w w' E; auto.
  - destruct (run_weq (body c (args rs (deps c))) _ _ E) as [E1 E2].
    destruct (run _ w), (run _ w'); simpl in *; subst. f_equal. now apply IHp.
  - f_equal. now apply H.
Qed.

Lemma completion_told_step s t s' : Inv s -> shows s t s' -> completion_told s = t ++ completion_told s'.
Proof.
  intros I S. destruct S as [P n c p w|P n i p w v Hi Hs|P Q n p w w' S]; unfold completion_told; simpl.
  - rewrite complete_put by auto. destruct (complete n P w) as [rs w1]. rewrite put_eq. unfold complete1; simpl.
    now destruct (run _ w1).
  - pose proof (complete_resolved n P w i v Hi Hs) as E. destruct (complete n P w); simpl in *. now rewrite E.
  - destruct (completion_hstep (State P n Done w) (State Q n Done w')) as [E1 E2]; auto.
    unfold completion in E1, E2; simpl in *.
    destruct (complete n P w), (complete n Q w'); simpl in *; subst. now apply told_weq.
Qed.

Lemma completion_told_steps s t s' : shows_all s t s' -> Inv s -> completion_told s = t ++ completion_told s'.
Proof.
  induction 1 as [s|s1 s2 s3 t1 t2 S _ IH]; intros I; auto.
  rewrite (completion_told_step _ _ _ I S), IH, app_assoc; auto.
  apply Inv_hstep with s1; auto. apply shows_is_step; eauto.
Qed.

(* -------------------------------------------------------------------------------------------------------------- T10 *)

Theorem transcript_so_far P0 p w0 t s : shows_all (State P0 0 p w0) t s -> exists u, told p [] w0 = t ++ u.
Proof. intros S. exists (completion_told s). now apply (completion_told_steps _ _ _ S (Inv_first _ _ _)). Qed.

(* No call need have ended: after its last event, nothing that a call does is seen. *)
Theorem transcript_sequential P0 p w0 t P n w :
  shows_all (State P0 0 p w0) t (State P n Done w) -> t = told p [] w0.
Proof.
  intros S. pose proof (completion_told_steps _ _ _ S (Inv_first _ _ _)) as E.
  unfold completion_told in E; simpl in E. rewrite E. destruct (complete n P w). now rewrite app_nil_r.
Qed.

Theorem same_transcript P0 P0' p w0 t t' P P' n n' w w' : shows_all (State P0 0 p w0) t (State P n Done w) ->
  shows_all (State P0' 0 p w0) t' (State P' n' Done w') -> t = t'.
Proof. intros S S'. now rewrite (transcript_sequential _ _ _ _ _ _ _ S), (transcript_sequential _ _ _ _ _ _ _ S'). Qed.

(* --------------------------------------------------------------- the model, as a function of what it has been shown *)

Inductive action := Issues (c : call) | Touches (i : nat) | Ends.
Variable model : transcript -> action.

(* what it does next, as a program *)
Definition says (t : transcript) : prog :=
  match model t with
  | Issues c => Let c Done
  | Touches i => Touch i (fun _ => Done)
  | Ends => Done
  end.

(* The machine with a model in place of a program: its calls, how many, the world, and what the model has been shown. *)
Inductive conversation (w0 : world) : (nat -> entry) -> nat -> world -> transcript -> Prop :=
| begins P : conversation w0 P 0 w0 []
| goes_on P n w t e Q m : conversation w0 P n w t ->
    shows (State P n (says t) w) [e] (State Q m Done w) -> conversation w0 Q m w (t ++ [e])
| works P n w t Q w' : conversation w0 P n w t ->
    hstep (State P n Done w) (State Q n Done w') -> conversation w0 Q n w' t.

(* the model as a tree, up to m events on from t *)
Fixpoint tree (m : nat) (t : transcript) : prog :=
  match m with
  | 0 => Done
  | S m => match model t with
           | Issues c => Let c (tree m (t ++ [Issued c]))
           | Touches i => Touch i (fun v => tree m (t ++ [Touched i v]))
           | Ends => Done
           end
  end.

Lemma tree_ended m t : model t = Ends -> tree m t = Done.
Proof. intros E. destruct m; simpl; auto. now rewrite E. Qed.

Lemma shows_tree P n w t e Q m k : shows (State P n (says t) w) [e] (State Q m Done w) ->
  shows (State P n (tree (S k) t) w) [e] (State Q m (tree k (t ++ [e])) w).
Proof. unfold says. simpl. intros S. destruct (model t); inversion S; subst; now constructor. Qed.

Lemma shows_all_then s t s2 u s3 : shows_all s t s2 -> shows s2 u s3 -> shows_all s (t ++ u) s3.
Proof.
  induction 1 as [s|s1 s2 s3' t1 t2 A _ IH]; intros S.
  - simpl. rewrite <- (app_nil_r u). econstructor; eauto. constructor.
  - rewrite <- app_assoc. econstructor; eauto.
Qed.

Lemma conversation_shows w0 P n w t : conversation w0 P n w t -> forall m, length t <= m ->
  exists P0, shows_all (State P0 0 (tree m []) w0) t (State P n (tree (m - length t) t) w).
Proof.
  induction 1 as [P|P n w t e Q k _ IH S|P n w t Q w' _ IH S]; intros m L.
  - exists P. rewrite Nat.sub_0_r. constructor.
  - rewrite app_length in L. simpl in L. destruct (IH m ltac:(lia)) as [P0 A]. exists P0.
    eapply shows_all_then; [exact A|]. rewrite app_length. simpl.
    replace (m - length t) with (Datatypes.S (m - (length t + 1))) by lia. now apply shows_tree.
  - destruct (IH m L) as [P0 A]. exists P0. rewrite <- (app_nil_r t) at 1. eapply shows_all_then; [exact A|].
    now constructor.
Qed.

(* at any moment of one schedule, and any of another, what one model has been shown begins with what the other has *)
Theorem transcripts_agree w0 P n w t P' n' w' t' :
  conversation w0 P n w t -> conversation w0 P' n' w' t' -> exists u, t = t' ++ u \/ t' = t ++ u.
Proof.
  intros A B. pose (m := length t + length t').
  destruct (conversation_shows _ _ _ _ _ A m ltac:(unfold m; lia)) as [P1 A'].
  destruct (conversation_shows _ _ _ _ _ B m ltac:(unfold m; lia)) as [P2 B'].
  destruct (transcript_so_far _ _ _ _ _ A') as [u E]. destruct (transcript_so_far _ _ _ _ _ B') as [u' E'].
  rewrite E in E'. destruct (app_eq_app _ _ _ _ E') as [x [[X _]|[X _]]]; eauto.
Qed.

(* When the model has ended in both, it was shown the same; once all calls have ended too, it has done the same. *)
Theorem same_conversation w0 P n w t P' n' w' t' : conversation w0 P n w t -> conversation w0 P' n' w' t' ->
  model t = Ends -> model t' = Ends ->
  t = t' /\ (settled P n -> settled P' n' -> n = n' /\ weq w w' /\ forall i, i < n -> snd (P i) = snd (P' i)).
Proof.
  intros A B Ea Eb. pose (m := length t + length t').
  destruct (conversation_shows _ _ _ _ _ A m ltac:(unfold m; lia)) as [P1 A'].
  destruct (conversation_shows _ _ _ _ _ B m ltac:(unfold m; lia)) as [P2 B'].
  rewrite (tree_ended _ t Ea) in A'. rewrite (tree_ended _ t' Eb) in B'.
  split; [eapply same_transcript; eauto|]. intros F F'.
  destruct (hsteps_safety P1 (tree m []) w0 P n w) as (N & V & R); [apply steps_show; eauto|auto|].
  destruct (hsteps_safety P2 (tree m []) w0 P' n' w') as (N' & V' & R'); [apply steps_show; eauto|auto|].
  split; [congruence|split].
  - intro x. now rewrite V, V'.
  - intros i Hi. now rewrite R, R' by lia.
Qed.

(* ------------------------------------------------------------------------------- delivery without a touch is not so *)

Definition pure_call : call :=
  MkCall [] (fun _ => Return dflt) (fun _ => Footprint (fun _ => False) (fun _ => False)) (fun _ => within_return _ _).

Lemma pure_call_runs P w j : j < 2 -> P j = (pure_call, Pending) -> (forall i, i < j -> fst (P i) = pure_call) ->
  steps (State P 2 Done w)
        (State (put (put P j (pure_call, Running (Return dflt))) j (pure_call, Resolved dflt)) 2 Done w).
Proof.
  intros L E B. pose (Q := put P j (pure_call, Running (Return dflt))).
  assert (S1 : step (State P 2 Done w) (State Q 2 Done w)).
  { pose proof (start P 2 j Done w []) as S. rewrite E in S. apply S; auto.
    - unfold known. rewrite E. constructor.
    - intros i Hi. right. right. intros vs _. rewrite B by auto. split; simpl; tauto. }
  assert (S2 : step (State Q 2 Done w) (State (put Q j (pure_call, Resolved dflt)) 2 Done w)).
  { assert (F : Q j = (pure_call, Running (Return dflt))) by apply put_eq. destruct (is_error dflt) eqn:V.
    - pose proof (fail Q 2 j Done w dflt L) as S. rewrite F in S. now apply S.
    - pose proof (finish Q 2 j Done w dflt L) as S. rewrite F in S. now apply S. }
  eapply steps_step; [exact S1|]. eapply steps_step; [exact S2|]. constructor.
Qed.

(* Which futures are resolved when the model has issued its last call depends on the schedule. So would a transcript in
   which values stand as soon as they are there. *)
Definition only_resolved (s : state) i j := (exists v, snd (futures s i) = Resolved v) /\ snd (futures s j) = Pending.

Theorem early_values_differ P w : exists p s s', program s = Done /\ program s' = Done /\
  steps (State P 0 p w) s /\ only_resolved s 0 1 /\ steps (State P 0 p w) s' /\ only_resolved s' 1 0.
Proof.
  pose (Q := put (put P 0 (pure_call, Pending)) 1 (pure_call, Pending)).
  assert (I : forall s, steps (State Q 2 Done w) s -> steps (State P 0 (Let pure_call (Let pure_call Done)) w) s).
  { intros s S. eapply steps_step; [apply issue|]. eapply steps_step; [apply issue|]. exact S. }
  exists (Let pure_call (Let pure_call Done)). do 2 eexists.
  split; [|split; [|split; [|split; [|split]]]].
  3: { apply I, (pure_call_runs Q w 0); auto; intros; lia. }
  4: { apply I, (pure_call_runs Q w 1); auto. intros i Hi. now replace i with 0 by lia. }
  all: try reflexivity.
  all: split; [eexists|]; reflexivity.
Qed.
End Transcript.
