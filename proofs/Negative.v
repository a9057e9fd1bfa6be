(* T8. The condition `quiet` is needed: without it (dataflow only, as in LLMCompiler) there is a run that ends in another
   world than the sequential run. Two calls write the same key; they are started and end in the other order. *)
From Coq Require Import List Arith Lia.
From AsyncFC Require Import Machine.
Import ListNotations.

#[export] Instance numbers : Domain :=
  {| Key := nat; Val := nat; key_eq := Nat.eq_dec; dflt := 0; is_error := fun _ => false |}.

Definition everything : fprint := Footprint (fun _ => True) (fun _ => True).
Lemma everything_sound (p : proc) : within everything p.
Proof. induction p; constructor; simpl; auto; now left || exact I. Qed.

Definition write_to_a (v : nat) : call :=
  MkCall [] (fun _ => Write (0 : Key) (v : Val) (Return 0)) (fun _ => everything) (fun _ => everything_sound _).
Definition two_writes : prog := Let (write_to_a 1) (Let (write_to_a 2) Done).

(* the rules of the machine, and [start] also without `quiet` *)
Inductive naive_step : state -> state -> Prop :=
| by_rule s s' : step s s' -> naive_step s s'
| start_anyway P n j p w vs : j < n -> snd (P j) = Pending -> known P j vs ->
    naive_step (State P n p w) (State (put P j (fst (P j), Running (body (fst (P j)) vs))) n p w).

Inductive naive_steps : state -> state -> Prop :=
| naive_refl s : naive_steps s s
| naive_more a b c : naive_step a b -> naive_steps b c -> naive_steps a c.

Ltac rule := eapply naive_more; [apply by_rule|].
Ltac starts j := eapply naive_more; [apply (start_anyway _ _ j); [lia|reflexivity|constructor]|].
Ltac writes_and_ends j :=
  rule; [eapply (write _ _ j); [lia|reflexivity]|]; rule; [eapply (finish _ _ j); [lia|reflexivity|reflexivity]|].

Theorem naive_not_equivalent : forall P0, exists P w,
  naive_steps (State P0 0 two_writes (fun _ => 0)) (State P 2 Done w) /\ settled P 2 /\
  w 0 = 1 /\ snd (sequential two_writes [] (fun _ => 0)) 0 = 2.
Proof.
  intros P0. do 2 eexists. split.
  - rule; [apply issue|]. rule; [apply issue|].
    starts 1. writes_and_ends 1. starts 0. writes_and_ends 0. apply naive_refl.
  - split; [|split; reflexivity]. intros [|[|i]] Hi; [eexists; reflexivity|eexists; reflexivity|lia].
Qed.
