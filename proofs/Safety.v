(* T1. In every reachable state, each resolved future already has the value that it has in the sequential run. So a value
       may be shown, or used, before the run has ended; and a crash after that does not make it wrong.
   T2. Every run that has ended has as many calls as the sequential run, the same value of each, and the same world. *)
From Coq Require Import List Arith Lia.
From AsyncFC Require Import Machine Independence Invariant.
Import ListNotations.

Section Safety.
Context {D : Domain}.

Lemma sequential_prefix p : forall rs w, exists t, fst (sequential p rs w) = rs ++ t.
Proof.
  induction p; simpl; intros.
  - exists []. now rewrite app_nil_r.
  - destruct (run _ w) as [v w']. destruct (IHp (rs ++ [v]) w') as [t E].
    exists (v :: t). rewrite E, <- app_assoc. reflexivity.
  - apply H.
Qed.

(* when all has ended there is nothing to complete *)
Lemma complete_settled n P w : settled P n -> snd (complete n P w) = w.
Proof.
  unfold settled. induction n; simpl; intros H; auto. specialize (IHn ltac:(intros; apply H; lia)).
  destruct (H n ltac:(lia)) as [v Hv]. destruct (complete n P w); simpl in *.
  unfold complete1; rewrite Hv; auto.
Qed.

(* Both follow from the invariant alone, and so for every machine that leaves the completion as it is. *)
Lemma completed_values P0 p w0 s i v : oeq (completion (State P0 0 p w0)) (completion s) -> i < issued s ->
  snd (futures s i) = Resolved v -> nth i (fst (sequential p [] w0)) dflt = v.
Proof.
  intros [E _] Hi Hv. unfold completion at 1 in E; simpl in E. rewrite E. unfold completion.
  pose proof (complete_resolved _ _ (store s) _ _ Hi Hv) as R.
  pose proof (complete_length (issued s) (futures s) (store s)) as L.
  destruct (complete (issued s) (futures s) (store s)) as [rs w1]; simpl in *.
  destruct (sequential_prefix (program s) rs w1) as [t ->]. rewrite app_nth1; auto; lia.
Qed.

Lemma completed_safety P0 p w0 P n w : oeq (completion (State P0 0 p w0)) (completion (State P n Done w)) ->
  settled P n ->
  length (fst (sequential p [] w0)) = n /\ weq w (snd (sequential p [] w0)) /\
  (forall i, i < n -> snd (P i) = Resolved (nth i (fst (sequential p [] w0)) dflt)).
Proof.
  intros E A. split; [|split].
  3:{ intros i Hi. destruct (A i Hi) as [v Hv]. rewrite Hv. f_equal. symmetry. eapply completed_values; eauto. }
  all: destruct E as [E1 E2]; unfold completion in E1, E2; simpl in E1, E2;
    pose proof (complete_length n P w) as L; pose proof (complete_settled n P w A) as T;
    destruct (complete n P w) as [rs w1]; simpl in *.
  - now rewrite E1.
  - intro x; rewrite E2; now rewrite T.
Qed.

Theorem safety_values P0 p w0 s i v : steps (State P0 0 p w0) s -> i < issued s ->
  snd (futures s i) = Resolved v -> nth i (fst (sequential p [] w0)) dflt = v.
Proof. intro S. apply completed_values with P0, (completion_steps _ _ S (Inv_first _ _ _)). Qed.

Theorem safety P0 p w0 P n w : steps (State P0 0 p w0) (State P n Done w) -> settled P n ->
  length (fst (sequential p [] w0)) = n /\ weq w (snd (sequential p [] w0)) /\
  (forall i, i < n -> snd (P i) = Resolved (nth i (fst (sequential p [] w0)) dflt)).
Proof. intro S. apply completed_safety with P0, (completion_steps _ _ S (Inv_first _ _ _)). Qed.
End Safety.
