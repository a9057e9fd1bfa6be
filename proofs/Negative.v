(* T8. The condition `quiet` is needed: without it (dataflow only, as in LLMCompiler) there is a run that ends in another
   world than the sequential run. Two calls write the same key; they are started and end in the other order.
   And what T12 says of calls in doubt needs it that their keys stay held: were they free as soon as the call is settled,
   another call could see half of what it writes. *)
From Coq Require Import List Arith Lia.
From AsyncFC Require Import Machine GivenUp GivenUpSafety.
Import ListNotations.

#[export] Instance numbers : Domain :=
  {| Key := nat; Val := nat; key_eq := Nat.eq_dec; dflt := 0; is_error := Nat.eqb 7 |}.

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

(* ------------------------------------------------------------------------------------------------- calls in doubt *)

Definition write_both : call :=
  MkCall [] (fun _ => Write (0 : Key) (1 : Val) (Write (1 : Key) (1 : Val) (Return 0)))
    (fun _ => everything) (fun _ => everything_sound _).
Definition read_both : call :=
  MkCall [] (fun _ => Read (0 : Key) (fun a => Read (1 : Key) (fun b => Return (10 * a + b))))
    (fun _ => everything) (fun _ => everything_sound _).
Definition write_and_read : prog := Let write_both (Let read_both Done).

(* the rules of GivenUp.v, and [start] also when all earlier calls are settled, in doubt or not *)
Inductive careless_step : event -> gstate -> gstate -> Prop :=
| with_care e s s' : gstep e s s' -> careless_step e s s'
| start_in_doubt P n j p w vs : j < n -> snd (P j) = Issued -> gknown P j vs ->
    (forall i, i < j -> exists v r, snd (P i) = Settled v r) ->
    careless_step Other (GState P n p w) (GState (put P j (fst (P j), Started (body (fst (P j)) vs))) n p w).

Inductive careless_steps : list event -> gstate -> gstate -> Prop :=
| careless_refl s : careless_steps [] s s
| careless_more e l a b c : careless_step e a b -> careless_steps l b c -> careless_steps (e :: l) a c.

Ltac grule := eapply careless_more; [apply with_care|].

(* The first call writes 0, is cancelled, and writes 1 after that. The second reads both in between: it sees 1 and 0,
   where the sequential run shows it 1 and 1. *)
Theorem half_seen : forall P0, exists l P w,
  careless_steps l (GState P0 0 write_and_read (fun _ => 0)) (GState P 2 Done w) /\
  snd (P 0) = Settled 7 None /\ snd (P 1) = Settled 10 None /\
  fst (sequential_with l write_and_read (fun _ => 0)) = [7; 11].
Proof.
  intros P0. do 3 eexists. split.
  - grule; [apply gissue|]. grule; [apply gissue|].
    grule; [eapply (gstart _ _ 0); [lia|reflexivity|constructor|intros i Hi; lia]|].
    grule; [eapply (gwrite _ _ 0); [lia|reflexivity]|].
    grule; [eapply (abandon_in_doubt (Cancel (D := numbers) 0 7) _ _ 0); [now left|lia|reflexivity|reflexivity]|].
    eapply careless_more.
    { eapply (start_in_doubt _ _ 1); [lia|reflexivity|constructor|].
      intros i Hi. assert (i = 0) as -> by lia. do 2 eexists; reflexivity. }
    grule; [eapply (gread _ _ 1); [lia|reflexivity]|]. grule; [eapply (gread _ _ 1); [lia|reflexivity]|].
    grule; [eapply (gfinish _ _ 1); [lia|reflexivity|reflexivity]|].
    grule; [eapply (write_in_doubt _ _ 0); [lia|reflexivity]|].
    grule; [eapply (end_in_doubt _ _ 0); [lia|reflexivity]|]. apply careless_refl.
  - repeat split.
Qed.
