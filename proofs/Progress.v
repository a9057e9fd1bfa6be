(* T3. No deadlock: in a well-formed state either some rule can be taken, or everything has ended.

   The lowest call that has not ended never waits: all its arguments are resolved, and all calls before it have ended,
   so it is quiet. Well-formed: references point to earlier futures (hypothesis H4; the scheduler refuses others as they
   are issued). *)
From Coq Require Import List Arith Lia.
From AsyncFC Require Import Machine Independence.
Import ListNotations.

Section Progress.
Context {D : Domain}.

Inductive wf_prog : nat -> prog -> Prop :=
| wf_done n : wf_prog n Done
| wf_let n c p : Forall (fun d => d < n) (deps c) -> wf_prog (S n) p -> wf_prog n (Let c p)
| wf_touch n i p : i < n -> (forall v, wf_prog n (p v)) -> wf_prog n (Touch i p).

Definition WF s := wf_prog (issued s) (program s) /\
  forall j, j < issued s -> Forall (fun d => d < j) (deps (fst (futures s j))).

Lemma WF_first P0 p w0 : wf_prog 0 p -> WF (State P0 0 p w0).
Proof. split; simpl; auto; intros; lia. Qed.

Lemma WF_put P n p w p' w' j s : wf_prog n p' -> WF (State P n p w) ->
  WF (State (put P j (fst (P j), s)) n p' w').
Proof. intros W [_ F]; split; simpl; auto. intros i Hi. rewrite put_call. now apply F. Qed.

Lemma WF_step s s' : WF s -> step s s' -> WF s'.
Proof.
  intros W S; destruct S; try (eapply WF_put; [|exact W]; now destruct W).
  - destruct W as [W F]; inversion W; subst. split; simpl; auto.
    intros i Hi; destruct (Nat.eq_dec i n); [subst; now rewrite put_eq|].
    rewrite put_ne by auto; apply F; simpl; lia.
  - destruct W as [W F]; inversion W; subst. split; simpl; auto.
Qed.

(* either all have ended, or there is a lowest call that has not *)
Lemma lowest_open (P : nat -> entry) n : settled P n \/
  exists j, j < n /\ (forall v, snd (P j) <> Resolved v) /\ settled P j.
Proof.
  unfold settled. induction n as [|n [IH|[j [A [B C]]]]]; [left; intros; lia| |right; exists j; auto].
  destruct (snd (P n)) eqn:E; [right|right|left]; try (exists n; repeat split; auto; congruence).
  intros i Hi; destruct (Nat.eq_dec i n); [subst; eauto|apply IH; lia].
Qed.

Lemma settled_quiet P j f : settled P j -> quiet P j f.
Proof. intros A i Hi; left; auto. Qed.

Lemma settled_known P j : settled P j -> Forall (fun d => d < j) (deps (fst (P j))) -> exists vs, known P j vs.
Proof.
  intros A. unfold known. generalize (deps (fst (P j))).
  induction l as [|d l IH]; intros F; [exists []; constructor|]. inversion F; subst.
  destruct (IH H2) as [vs K]. destruct (A d H1) as [v Hv]. exists (v :: vs); constructor; auto.
Qed.

(* a call that runs can always go on *)
Lemma running_steps P n j p w q : j < n -> snd (P j) = Running q ->
  exists s w', step (State P n p w) (State (put P j (fst (P j), s)) n p w') /\ s <> Pending.
Proof.
  intros Hj E. destruct q as [v|k q|k v q].
  - destruct (is_error v) eqn:X; do 2 eexists; split; [eapply fail; eauto|congruence|eapply finish; eauto|congruence].
  - do 2 eexists; split; [eapply read; eauto|congruence].
  - do 2 eexists; split; [eapply write; eauto|congruence].
Qed.

Theorem progress s : WF s -> (exists s', step s s') \/ (program s = Done /\ settled (futures s) (issued s)).
Proof.
  destruct s as [P n p w]; intros [W F]; simpl in *.
  destruct (lowest_open P n) as [A|[j [Hj [N A]]]].
  - inversion W; subst; [right; auto|left; eexists; constructor|].
    destruct (A i H) as [v Hv]. left; eexists; eapply touch; eauto.
  - left. destruct (snd (P j)) as [|q|v] eqn:E.
    + destruct (settled_known P j A (F j Hj)) as [vs K].
      eexists; eapply start; eauto using settled_quiet.
    + destruct (running_steps P n j p w q Hj E) as [s [w' [S _]]]; eauto.
    + now destruct (N v).
Qed.
End Progress.
