(* T4. No infinite schedule: the step relation is well-founded. No fairness is assumed.
   T5. Total correctness: from every well-formed state a state is reached in which everything has ended. By T4 every
       schedule gets there, and by T2 all end with the same values and the same world.

   Steps are counted, not seconds: a tool that never returns is not a tool of this machine. *)
From Coq Require Import List Arith Lia.
From AsyncFC Require Import Machine Independence Progress.
Import ListNotations.

(* If what a call is can age only so often, so can the first n calls, one at a time; the calls after them do not count. *)
Section Ages.
Context {E A : Type} (is : E -> A) (ages : A -> A -> Prop) (ages_wf : forall a, Acc ages a).

Definition pool_ages n (P' P : nat -> E) := exists j, j < n /\
  ages (is (P' j)) (is (P j)) /\ forall i, i <> j -> is (P' i) = is (P i).

Lemma pool_ages_put n P j e : j < n -> ages (is e) (is (P j)) -> pool_ages n (put P j e) P.
Proof. intros Hj G. exists j; rewrite put_eq; repeat split; auto. intros; now rewrite put_ne. Qed.

Lemma pool_ages_wf n : forall P, Acc (pool_ages n) P.
Proof.
  induction n as [|n IH]; [intro; constructor; intros y [j [H _]]; lia|].
  assert (G : forall a, Acc ages a -> forall P, Acc (pool_ages n) P -> is (P n) = a -> Acc (pool_ages (S n)) P).
  { induction 1 as [a _ IHa]. induction 1 as [P _ IHP]. intros Ea. constructor. intros Q [j [Hj [Es Ne]]].
    destruct (Nat.eq_dec j n).
    - subst. eapply IHa; eauto.
    - apply IHP; [exists j; repeat split; auto; lia|]. rewrite Ne; auto. }
  intros P; eapply G; eauto.
Qed.
End Ages.

Section Termination.
Context {D : Domain}.

(* `ages s' s`: a call goes from the status s to s'. Two of these are not rules of the machine but of that of Failure.v:
   a call that ends before it has started, or before it has returned. *)
Inductive ages : status -> status -> Prop :=
| ages_start p : ages (Running p) Pending
| ages_read k p v : ages (Running (p v)) (Running (Read k p))
| ages_write k v p : ages (Running p) (Running (Write k v p))
| ages_end p v : ages (Resolved v) (Running p)
| ages_skip v : ages (Resolved v) Pending.

Lemma ages_wf s : Acc ages s.
Proof.
  assert (R : forall v, Acc ages (Resolved v)) by (intros; constructor; intros y H; inversion H).
  assert (U : forall p, Acc ages (Running p)).
  { induction p; constructor; intros y Hy; inversion Hy; subst; auto. }
  destruct s; auto. constructor; intros y H; inversion H; subst; auto.
Qed.

(* Any step relation is well-founded if each step either is one of the decoder, or lets one call age. *)
Inductive decodes : state -> state -> Prop :=
| decodes_let P n c p w P' : decodes (State P n (Let c p) w) (State P' (S n) p w)
| decodes_touch P n i p w v : decodes (State P n (Touch i p) w) (State P n (p v) w).

Definition moves s s' := decodes s s' \/
  exists j e w', j < issued s /\ ages e (snd (futures s j)) /\
    s' = State (put (futures s) j (fst (futures s j), e)) (issued s) (program s) w'.

Lemma moves_wf s : Acc (fun s' s => moves s s') s.
Proof.
  assert (G : forall p, (forall P n w s', decodes (State P n p w) s' -> Acc (fun s' s => moves s s') s') ->
              forall n P w, Acc (fun s' s => moves s s') (State P n p w)).
  { intros p H n P. induction (pool_ages_wf snd ages ages_wf n P) as [P _ IH]. intro w. constructor. intros s' [C|M]; [eauto|].
    destruct M as [j [e [w' [Hj [E ->]]]]]; simpl in *. apply IH. now apply pool_ages_put. }
  destruct s as [P n p w]. revert P n w. induction p; intros P n w; apply G; intros P1 n1 w1 s' C;
    inversion C; subst; auto.
Qed.

Lemma step_moves s s' : step s s' -> moves s s'.
Proof.
  intros S; inversion S; subst; try (left; constructor); right; do 3 eexists;
    (split; [|split]; [| |reflexivity]; simpl; auto);
    match goal with H : snd _ = _ |- _ => rewrite H end; constructor.
Qed.

Lemma Acc_sub {A} (R R' : A -> A -> Prop) : (forall x y, R x y -> R' x y) -> forall x, Acc R' x -> Acc R x.
Proof. intros S x; induction 1 as [x _ IH]. constructor; intros y Hy; auto. Qed.

Theorem terminating s : Acc (fun s' s => step s s') s.
Proof. eapply Acc_sub; [|apply moves_wf]. intros; now apply step_moves. Qed.

Lemma steps_trans a b c : steps a b -> steps b c -> steps a c.
Proof. induction 1; auto. intros; econstructor; eauto. Qed.

Theorem completes s : WF s -> exists s', steps s s' /\ program s' = Done /\ settled (futures s') (issued s').
Proof.
  induction (terminating s) as [s _ IH]. intros W. destruct (progress s W) as [[s1 S]|[E A]].
  - destruct (IH s1 S (WF_step _ _ W S)) as [s2 [X Y]]. exists s2; split; auto. econstructor; eauto.
  - exists s; repeat split; auto using steps_refl.
Qed.
End Termination.
