(* The frame: a tool leaves every key alone that its footprint does not let it write; and a write to a key that is
   outside of its footprint may as well come after the whole tool as before it.

   So two tools with independent footprints do not notice one another, in whatever way their accesses interleave.
   Worlds are compared key by key (weq), so that no axiom about functions is needed. *)
From Coq Require Import List Arith Lia.
From AsyncFC Require Import Machine.
Import ListNotations.

Section Independence.
Context {D : Domain}.

(* the same results and the same world *)
Definition oeq {A} (a b : A * world) := fst a = fst b /\ weq (snd a) (snd b).

Lemma oeq_refl {A} (a : A * world) : oeq a a.
Proof. split; auto; intro; auto. Qed.

Lemma upd_weq w w' k v : weq w w' -> weq (upd w k v) (upd w' k v).
Proof. intros H k'; unfold upd; destruct (key_eq k k'); auto. Qed.

Lemma run_weq p : forall w w', weq w w' -> oeq (run p w) (run p w').
Proof.
  induction p; simpl; intros w w' E.
  - now split.
  - rewrite (E k). now apply H.
  - apply IHp, upd_weq, E.
Qed.

Lemma sequential_weq p : forall rs w w', weq w w' -> oeq (sequential p rs w) (sequential p rs w').
Proof.
  induction p; simpl; intros rs w w' E.
  - now split.
  - destruct (run_weq (body c (args rs (deps c))) _ _ E) as [E1 E2].
    destruct (run _ w), (run _ w'); simpl in *; subst; auto.
  - auto.
Qed.

(* what a tool may not write, it does not change *)
Lemma run_frame f p : within f p -> forall k w, ~ writes f k -> snd (run p w) k = w k.
Proof.
  induction 1; simpl; intros; auto.
  rewrite IHwithin by auto. unfold upd; destruct (key_eq k k0); congruence.
Qed.

(* a write to what a tool may not touch commutes with the whole tool *)
Lemma run_upd f p : within f p -> forall k v w, ~ acc f k ->
  oeq (run p (upd w k v)) (fst (run p w), upd (snd (run p w)) k v).
Proof.
  induction 1; simpl; intros.
  - split; simpl; auto. intro; auto.
  - replace (upd w k0 v k) with (w k); auto. unfold upd; destruct (key_eq k0 k); subst; tauto.
  - destruct (run_weq p (upd (upd w k0 v0) k v) (upd (upd w k v) k0 v0)) as [E1 E2].
    { intro x; unfold upd; destruct (key_eq k x), (key_eq k0 x); subst; auto.
      exfalso; apply H1; now right. }
    destruct (IHwithin k0 v0 (upd w k v) H1) as [F1 F2]; split; simpl in *; [congruence|].
    intro x; rewrite E2; apply F2.
Qed.

Lemma put_eq {A} (P : nat -> A) j e : put P j e j = e.
Proof. unfold put; now rewrite Nat.eqb_refl. Qed.

Lemma put_ne {A} (P : nat -> A) j e i : i <> j -> put P j e i = P i.
Proof. unfold put; intros; now destruct (Nat.eqb_spec i j). Qed.

(* the calls stay what they are when the status of one changes *)
Lemma put_call (P : nat -> entry) j s i : fst (put P j (fst (P j), s) i) = fst (P i).
Proof. destruct (Nat.eq_dec i j); [subst; now rewrite put_eq|now rewrite put_ne]. Qed.

(* a status that is replaced, but not one that is resolved, leaves the resolved futures resolved *)
Lemma put_resolved (P : nat -> entry) j s : (forall v, snd (P j) <> Resolved v) ->
  forall i v, snd (P i) = Resolved v -> snd (put P j (fst (P j), s) i) = Resolved v.
Proof.
  intros N i v Hv. destruct (Nat.eq_dec i j); [subst; now destruct (N v)|now rewrite put_ne].
Qed.
End Independence.
