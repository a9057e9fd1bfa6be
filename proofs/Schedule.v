(* T0. The claim in its simplest form, for a list of atomic calls: any order of the calls in which every reordered pair
   is independent gives each future the same result and leaves the same world.

   Two calls are independent if neither refers to the other and neither writes what the other reads or writes
   (Bernstein's conditions). The machine of Machine.v needs less: its tools are not atomic and its programs may branch. *)
From Coq Require Import List Arith Lia Permutation.
From AsyncFC Require Import Trace.
Import ListNotations.

Section Schedule.
Variables Key Val : Type.
Definition world := Key -> Val.
Definition args := list (option Val).

Record call := {
  deps : list nat;
  body : args -> world -> Val * world;
  R : Key -> Prop;
  W : Key -> Prop;
  Wdec : forall k, {W k} + {~ W k};
  frameW : forall a w k, ~ W k -> snd (body a w) k = w k;                       (* writes only W *)
  frameR : forall a w w', (forall k, R k \/ W k -> w k = w' k) ->               (* sees only R and W *)
    fst (body a w) = fst (body a w') /\ forall k, W k -> snd (body a w) k = snd (body a w') k }.

Variable program : nat -> call.
Definition state : Type := (nat -> option Val) * world.
Definition eqv (s t : state) := (forall i, fst s i = fst t i) /\ (forall k, snd s k = snd t k).
Definition exec (i : nat) (s : state) : state :=
  let r := body (program i) (map (fst s) (deps (program i))) (snd s) in
  (fun j => if j =? i then Some (fst r) else fst s j, snd r).
Definition indep i j := i <> j /\ ~ In i (deps (program j)) /\ ~ In j (deps (program i)) /\
  forall k, (W (program i) k -> ~ R (program j) k /\ ~ W (program j) k) /\
            (W (program j) k -> ~ R (program i) k /\ ~ W (program i) k).

Lemma exec_cong i s t : eqv s t -> eqv (exec i s) (exec i t).
Proof.
  intros [E1 E2]. unfold exec.
  assert (A : map (fst s) (deps (program i)) = map (fst t) (deps (program i))) by (apply map_ext; auto).
  rewrite A. destruct (frameR (program i) (map (fst t) (deps (program i))) (snd s) (snd t)) as [F1 F2]; auto.
  split; simpl.
  - intro j; destruct (j =? i); [now rewrite F1|auto].
  - intro k. destruct (Wdec (program i) k); [auto|now rewrite !frameW by auto].
Qed.

Lemma args_other i j s : ~ In i (deps (program j)) ->
  map (fst (exec i s)) (deps (program j)) = map (fst s) (deps (program j)).
Proof.
  intro N. apply map_ext_in. intros d Hd. unfold exec; simpl.
  destruct (Nat.eqb_spec d i); [subst; tauto|auto].
Qed.

Lemma body_other i j s : indep i j ->
  let b := body (program j) (map (fst s) (deps (program j))) in
  fst (b (snd (exec i s))) = fst (b (snd s)) /\
  (forall k, W (program j) k -> snd (b (snd (exec i s))) k = snd (b (snd s)) k).
Proof.
  intros (_ & _ & _ & B) b. apply frameR. intros k Hk. unfold exec; simpl. apply frameW.
  intro X. destruct (proj1 (B k) X); tauto.
Qed.

Lemma indep_sym i j : indep i j -> indep j i.
Proof. intros (A & B & C & D); repeat split; auto; apply D; auto. Qed.

Lemma diamond i j : indep i j -> forall s, eqv (exec j (exec i s)) (exec i (exec j s)).
Proof.
  intros I s. pose proof (indep_sym _ _ I) as J.
  pose proof I as (Ne & Nij & Nji & B).
  pose proof (args_other i j s Nij) as Aj. pose proof (args_other j i s Nji) as Ai.
  destruct (body_other i j s I) as [Pj Qj]. destruct (body_other j i s J) as [Pi Qi].
  assert (X1 : forall m t x, fst (exec m t) x =
    if x =? m then Some (fst (body (program m) (map (fst t) (deps (program m))) (snd t))) else fst t x) by reflexivity.
  assert (X2 : forall m t k, snd (exec m t) k =
    snd (body (program m) (map (fst t) (deps (program m))) (snd t)) k) by reflexivity.
  split.
  - intro x. rewrite (X1 j), (X1 i (exec j s)), Aj, Ai, Pj, Pi, (X1 i s), (X1 j s).
    destruct (Nat.eqb_spec x j), (Nat.eqb_spec x i); subst; congruence.
  - intro k. rewrite (X2 j), (X2 i (exec j s)), Aj, Ai.
    destruct (Wdec (program j) k) as [Hj|Hj].
    + rewrite (Qj k Hj), (frameW (program i)) by (destruct (proj2 (B k) Hj); auto). now rewrite X2.
    + rewrite (frameW (program j)), (X2 i) by auto. destruct (Wdec (program i) k) as [Hi|Hi].
      * now rewrite (Qi k Hi).
      * rewrite !(frameW (program i)), X2, (frameW (program j)) by auto. reflexivity.
Qed.

Theorem schedule_equiv n order s : Permutation (seq 0 n) order ->
  (forall i j, i < j -> j < n -> before nat j i order -> indep i j) ->
  eqv (runs nat state exec (seq 0 n) s) (runs nat state exec order s).
Proof.
  intros P L. assert (N : NoDup order) by (eapply Permutation_NoDup; [exact P|apply seq_NoDup]).
  apply (linear_extension nat state eqv exec indep); auto.
  - split; auto.
  - intros a b c [A1 A2] [B1 B2]; split; intros; [now rewrite A1|now rewrite A2].
  - apply exec_cong.
  - apply diamond.
  - intros a b Bf NB.
    assert (Ha : In a order /\ In b order /\ a < b /\ b < n).
    { destruct Bf as [x [y [z E]]].
      assert (In a (seq 0 n) /\ In b (seq 0 n)) as [Ia Ib].
      { rewrite E; split; apply in_or_app; right; [now left|right; apply in_or_app; right; now left]. }
      split; [eapply Permutation_in; eauto|]. split; [eapply Permutation_in; eauto|].
      assert (G : nth (length x) (seq 0 n) 0 = a /\ nth (length x + S (length y)) (seq 0 n) 0 = b
                  /\ length x + S (length y) < n).
      { replace n with (length (seq 0 n)) at 3 by apply seq_length. rewrite E. repeat split.
        - rewrite app_nth2 by lia. now rewrite Nat.sub_diag.
        - rewrite app_nth2 by lia. replace (length x + S (length y) - length x) with (S (length y)) by lia.
          simpl. rewrite app_nth2 by lia. now rewrite Nat.sub_diag.
        - rewrite app_length; simpl; rewrite app_length; simpl; lia. }
      destruct G as [G1 [G2 G3]]. rewrite seq_nth in G1, G2 by lia. lia. }
    destruct Ha as [I1 [I2 [Lt Ln]]]. apply L; auto.
    destruct (in_split _ _ I2) as [l1 [l2 E]]. rewrite E in I1. apply in_app_or in I1.
    destruct I1 as [I1|[I1|I1]]; [|lia|].
    + exfalso; apply NB. destruct (in_split _ _ I1) as [u [v ->]]. exists u, v, l2. rewrite E, <- app_assoc; auto.
    + destruct (in_split _ _ I1) as [u [v ->]]. exists l1, u, v. rewrite E; auto.
Qed.
End Schedule.
