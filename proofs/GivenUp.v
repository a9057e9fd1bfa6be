(* T12. Calls that are given up: cancelled by the decoder, or timed out.

   Rules. A pending call that is cancelled never runs. A running call of which it is known that it writes nothing is over
   at once. Any other is *in doubt*: its future has its value (an error) at once, but the tool may still act, so its keys
   stay held, until it is known to have ended, at whatever point of its work.

   Theorem. A run with cancels and timeouts equals the sequential run of the same program in which exactly the calls that
   were given up are others: each stops after as many writes as it made in this run, all of them at its place in issue
   order, and returns the error. Which calls, errors and numbers those are is read off the log of the run. This file says what that
   means; GivenUpInvariant.v and GivenUpSafety.v prove it, GivenUpProgress.v that no run is stuck or goes on for ever.

   The names: [cancel] and [timeout] are events of core/scheduler.py, `abandon` is what both do there, in doubt is its
   flag in_doubt, [end] its event End (a Finish or Fail that comes too late says the same). *)
From Coq Require Import List Arith.
From AsyncFC Require Import Machine.
Import ListNotations.

Section GivenUp.
Context {D : Domain}.

(* --------------------------------------------------------------------------------------------------- the machine *)

(* Settled v None: ended. Settled v (Some p): in doubt, p is what the tool may still do. *)
Inductive life := Issued | Started (p : proc) | Settled (v : Val) (rest : option proc).
Definition future := (call * life)%type.
Record gstate := GState { gfutures : nat -> future; gissued : nat; gprogram : prog; gstore : world }.

(* The gates are those of Machine.v: a value is known once it is settled, but only what has ended is out of the way. *)
Definition gagrees (P : nat -> future) j vs :=
  Forall2 (fun d v => forall u r, d < j -> snd (P d) = Settled u r -> v = u) (deps (fst (P j))) vs.
Definition gknown (P : nat -> future) j vs :=
  Forall2 (fun d v => d < j /\ exists r, snd (P d) = Settled v r) (deps (fst (P j))) vs.
Definition gquiet (P : nat -> future) j f := forall i, i < j ->
  (exists v, snd (P i) = Settled v None) \/
  (exists vs, gknown P i vs /\ indep (footprint (fst (P i)) vs) f) \/
  (forall vs, gagrees P i vs -> indep (footprint (fst (P i)) vs) f).

(* What the log of a run says: that a call wrote, that one was given up and with which error. Nothing else matters. *)
Inductive event := Other | Wrote (j : nat) | Cancel (j : nat) (v : Val) | Timeout (j : nat) (v : Val).
Definition gives_up e j v := e = Cancel j v \/ e = Timeout j v.

(* The first seven rules are those of Machine.v, the eighth is that of HeldBack.v. *)
Inductive gstep : event -> gstate -> gstate -> Prop :=
| gissue P n c p w :
    gstep Other (GState P n (Let c p) w) (GState (put P n (c, Issued)) (S n) p w)
| gtouch P n i p w v r (Hi : i < n) (Hs : snd (P i) = Settled v r) :
    gstep Other (GState P n (Touch i p) w) (GState P n (p v) w)
| gstart P n j p w vs (Hj : j < n) (Hs : snd (P j) = Issued)
    (Hk : gknown P j vs) (Hq : gquiet P j (footprint (fst (P j)) vs)) :
    gstep Other (GState P n p w) (GState (put P j (fst (P j), Started (body (fst (P j)) vs))) n p w)
| gread P n j p w k q (Hj : j < n) (Hs : snd (P j) = Started (Read k q)) :
    gstep Other (GState P n p w) (GState (put P j (fst (P j), Started (q (w k)))) n p w)
| gwrite P n j p w k v q (Hj : j < n) (Hs : snd (P j) = Started (Write k v q)) :
    gstep (Wrote j) (GState P n p w) (GState (put P j (fst (P j), Started q)) n p (upd w k v))
| gfinish P n j p w v (Hj : j < n) (Hs : snd (P j) = Started (Return v)) (Hv : is_error v = false) :
    gstep Other (GState P n p w) (GState (put P j (fst (P j), Settled v None)) n p w)
| gfail P n j p w v (Hj : j < n) (Hs : snd (P j) = Started (Return v)) (Hv : is_error v = true) :
    gstep Other (GState P n p w) (GState (put P j (fst (P j), Settled v None)) n p w)
| gpoison P n j p w v (Hj : j < n) (Hs : snd (P j) = Issued)
    (Hv : forall vs, gagrees P j vs -> body (fst (P j)) vs = Return v) :
    gstep Other (GState P n p w) (GState (put P j (fst (P j), Settled v None)) n p w)
(* A pending call cannot time out: its time counts from its start. *)
| cancel P n j p w v (Hj : j < n) (Hs : snd (P j) = Issued) (Hv : is_error v = true) :
    gstep (Cancel j v) (GState P n p w) (GState (put P j (fst (P j), Settled v None)) n p w)
(* It writes nothing. It may still read; what it reads is dropped. *)
| abandon e P n j p w v q vs (He : gives_up e j v) (Hj : j < n) (Hs : snd (P j) = Started q) (Hv : is_error v = true)
    (Hk : gknown P j vs) (Hw : forall k, ~ writes (footprint (fst (P j)) vs) k) :
    gstep e (GState P n p w) (GState (put P j (fst (P j), Settled v None)) n p w)
| abandon_in_doubt e P n j p w v q (He : gives_up e j v) (Hj : j < n) (Hs : snd (P j) = Started q)
    (Hv : is_error v = true) :
    gstep e (GState P n p w) (GState (put P j (fst (P j), Settled v (Some q))) n p w)
(* A tool in doubt may go on, as it has only been asked to stop; and it may end anywhere. *)
| read_in_doubt P n j p w v k q (Hj : j < n) (Hs : snd (P j) = Settled v (Some (Read k q))) :
    gstep Other (GState P n p w) (GState (put P j (fst (P j), Settled v (Some (q (w k))))) n p w)
| write_in_doubt P n j p w v k x q (Hj : j < n) (Hs : snd (P j) = Settled v (Some (Write k x q))) :
    gstep (Wrote j) (GState P n p w) (GState (put P j (fst (P j), Settled v (Some q))) n p (upd w k x))
| end_in_doubt P n j p w v q (Hj : j < n) (Hs : snd (P j) = Settled v (Some q)) :
    gstep Other (GState P n p w) (GState (put P j (fst (P j), Settled v None)) n p w).

Inductive gsteps : list event -> gstate -> gstate -> Prop :=
| gsteps_refl s : gsteps [] s s
| gsteps_step e l s1 s2 s3 : gstep e s1 s2 -> gsteps l s2 s3 -> gsteps (e :: l) s1 s3.

(* ---------------------------------------------------------------------------- the calls that were given up, as calls *)

(* The first m writes of p, and the reads before them; then v. *)
Fixpoint stop (v : Val) (m : nat) (p : proc) : proc :=
  match p, m with
  | Return _, _ | _, 0 => Return v
  | Read k q, _ => Read k (fun x => stop v m (q x))
  | Write k x q, S m => Write k x (stop v m q)
  end.

(* Whether a call is given up, with which error; and how many writes it makes then. *)
Definition fate := (option Val * nat)%type.
Definition fated (f : fate) p := match fst f with None => p | Some v => stop v (snd f) p end.

Lemma within_stop f v p : within f p -> forall m, within f (stop v m p).
Proof. induction 1; intros [|m]; simpl; constructor; auto. Qed.

Lemma within_fated g f p : within g p -> within g (fated f p).
Proof. unfold fated; destruct (fst f); auto using within_stop. Qed.

Definition stopped (f : fate) (c : call) : call :=
  MkCall (deps c) (fun vs => fated f (body c vs)) (footprint c) (fun vs => within_fated _ _ _ (sound c vs)).

(* the program whose calls, from number n on, have these fates *)
Fixpoint with_fates (fates : nat -> fate) (n : nat) (p : prog) : prog :=
  match p with
  | Done => Done
  | Let c p => Let (stopped (fates n) c) (with_fates fates (S n) p)
  | Touch i p => Touch i (fun v => with_fates fates n (p v))
  end.

(* the fates that a log tells of *)
Fixpoint given_up (l : list event) j : option Val :=
  match l with
  | [] => None
  | Cancel i v :: l | Timeout i v :: l => if i =? j then Some v else given_up l j
  | _ :: l => given_up l j
  end.
Fixpoint written (l : list event) j : nat :=
  match l with
  | [] => 0
  | Wrote i :: l => if i =? j then S (written l j) else written l j
  | _ :: l => written l j
  end.
Definition fates (l : list event) j : fate := (given_up l j, written l j).

(* a call that makes no writes does nothing at all *)
Lemma run_stop_0 v p w : run (stop v 0 p) w = (v, w).
Proof. now destruct p. Qed.

Lemma run_stop v p : forall m w, fst (run (stop v m p) w) = v.
Proof. induction p; intros [|m] w; simpl; auto. Qed.
End GivenUp.
