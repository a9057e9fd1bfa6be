(* The textbook form (Mazurkiewicz): if two letters that are independent may be swapped, then a permutation of a word
   that keeps the order of every dependent pair reaches an equivalent state.

   A letter is whatever is executed at one go; the state carries the world and the results. The simplest theorem about
   schedules is an instance: there a letter is a call that is atomic (Schedule.v). That single accesses may be swapped
   in the same way is Certificate.v, which does without permutations. *)
From Coq Require Import List Permutation.
Import ListNotations.

Section Trace.
Variables (A S : Type) (eqv : S -> S -> Prop) (exec : A -> S -> S) (indep : A -> A -> Prop).
Hypothesis refl : forall s, eqv s s.
Hypothesis trans : forall a b c, eqv a b -> eqv b c -> eqv a c.
Hypothesis cong : forall a s t, eqv s t -> eqv (exec a s) (exec a t).
Hypothesis diamond : forall a b, indep a b -> forall s, eqv (exec b (exec a s)) (exec a (exec b s)).

Definition runs (l : list A) (s : S) := fold_left (fun s a => exec a s) l s.
Definition before (a b : A) (l : list A) := exists x y z, l = x ++ a :: y ++ b :: z.
(* every pair that l' has in another order than l is independent *)
Definition legal (l l' : list A) := forall a b, before a b l -> ~ before a b l' -> indep a b.

Lemma runs_cong l : forall s t, eqv s t -> eqv (runs l s) (runs l t).
Proof. induction l; simpl; auto. Qed.

Lemma move_front a l : forall s, Forall (fun b => indep b a) l -> eqv (runs (l ++ [a]) s) (runs (a :: l) s).
Proof.
  induction l as [|b l IH]; simpl; intros s F; auto. inversion F; subst.
  eapply trans; [apply IH; auto|]. simpl. apply runs_cong, diamond; auto.
Qed.

Lemma before_not a b l' : NoDup (a :: l') -> In b l' -> ~ before b a (a :: l').
Proof.
  intros N Hb [x [y [z E]]]. inversion N; subst.
  destruct x as [|x0 x]; simpl in E; inversion E; subst; [tauto|].
  apply H1. apply in_or_app; right; right. apply in_or_app; right; now left.
Qed.

Lemma before_app a b l1 c l2 : before a b (l1 ++ l2) -> before a b (l1 ++ c :: l2).
Proof.
  revert l1; intros l1 [x [y [z E]]].
  revert x E; induction l1 as [|h l1 IH]; intros x E; simpl in *.
  - exists (c :: x), y, z; now rewrite E.
  - destruct x as [|x0 x]; simpl in E; inversion E; subst.
    + assert (In b (l1 ++ l2)) as I by (rewrite H1; apply in_or_app; right; now left).
      assert (In b (l1 ++ c :: l2)) as I' by (apply in_app_or in I; apply in_or_app; simpl; tauto).
      destruct (in_split _ _ I') as [p [q ->]]. exists [], p, q; reflexivity.
    + destruct (IH x H1) as [x' [y' [z' ->]]]. exists (x0 :: x'), y', z'; reflexivity.
Qed.

(* By induction on the other order l': its first letter a stands somewhere in l, all letters before it in l are
   independent of it (they come after it in l'), so a can be moved to the front. *)
Theorem linear_extension l' : forall l, NoDup l' -> Permutation l l' -> legal l l' ->
  forall s, eqv (runs l s) (runs l' s).
Proof.
  induction l' as [|a l' IH]; intros l N P L s.
  - apply Permutation_sym, Permutation_nil in P; subst; apply refl.
  - assert (In a l) as I by (eapply Permutation_in; [apply Permutation_sym, P|now left]).
    destruct (in_split _ _ I) as [l1 [l2 ->]].
    assert (Permutation (l1 ++ l2) l') as P'
      by (eapply Permutation_cons_inv with (a := a); eapply perm_trans; [apply Permutation_middle|exact P]).
    inversion N; subst.
    assert (F : Forall (fun b => indep b a) l1).
    { apply Forall_forall; intros b Hb. apply L.
      - apply in_split in Hb as [u [v ->]]. exists u, v, l2. now rewrite <- app_assoc.
      - apply before_not; auto. eapply Permutation_in; [exact P'|apply in_or_app; now left]. }
    assert (X : forall x y u, runs (x ++ y) u = runs y (runs x u)) by (intros; apply fold_left_app).
    assert (Y : eqv (runs (l1 ++ a :: l2) s) (runs (l1 ++ l2) (exec a s))).
    { replace (l1 ++ a :: l2) with ((l1 ++ [a]) ++ l2) by (rewrite <- app_assoc; reflexivity).
      rewrite (X (l1 ++ [a])), (X l1 l2). apply runs_cong. now apply move_front. }
    eapply trans; [exact Y|]. change (runs (a :: l') s) with (runs l' (exec a s)).
    apply IH; auto. intros x y B NB. apply L; [now apply before_app|].
    intros [u [v [w E]]]. apply NB. destruct u as [|u0 u]; simpl in E; inversion E; subst.
    + exfalso. destruct B as [p [q [r E']]]. apply H1. eapply Permutation_in; [exact P'|].
      rewrite E'; apply in_or_app; right; now left.
    + exists u, v, w; auto.
Qed.
End Trace.
