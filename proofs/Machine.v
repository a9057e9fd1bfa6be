(* The machine: programs, tools, footprints, the sequential machine that every schedule must match, and the rules of
   the asynchronous one. Nothing is proved here; a reader who trusts the rest need read only this file.

   The rules carry the names of the methods of asyncfc_sim/core/scheduler.py, and their side conditions those of its
   helpers. Where the two differ:
     - futures are numbered from 0 here and from 1 there;
     - tools are not atomic: what one does between its start and its end are the rules [read] and [write]. The
       scheduler does not see them, the world does;
     - a value may encode an error (is_error). That a call with an error among its arguments fails with no effect
       (poison) is part of its body, and its footprint is then empty, so that it is quiet at once;
     - a touch of several futures is several touches; [deliver] is a touch that the environment chose. So a program
       here is the tree that was run, with a touch at every logged position;
     - [cancel], [timeout] and [end] are in GivenUp.v; the barrier, and [poison] as a rule, in HeldBack.v; the barrier of
       the mode strict in Failure.v. *)
From Coq Require Import List Arith.
Import ListNotations.

(* What everything else is about: keys of the world, the values in it. *)
Class Domain := {
  Key : Type;
  Val : Type;
  key_eq : forall a b : Key, {a = b} + {a <> b};
  dflt : Val;                                   (* of a future that does not exist; never seen by a sound program *)
  is_error : Val -> bool }.

Section Machine.
Context {D : Domain}.

Definition world := Key -> Val.
Definition weq (w w' : world) := forall k, w k = w' k.
Definition upd (w : world) k v : world := fun k' => if key_eq k k' then v else w k'.

(* ---------------------------------------------------------------------------------------------- tools and calls *)

(* What a tool still has to do. It is a function of what it reads, and of nothing else (hypothesis H2). *)
Inductive proc :=
| Return (v : Val)
| Read (k : Key) (p : Val -> proc)
| Write (k : Key) (v : Val) (p : proc).

Record fprint := Footprint { reads : Key -> Prop; writes : Key -> Prop }.

(* declaring a write also permits reading *)
Definition acc f k := reads f k \/ writes f k.

(* Footprint.indep: Bernstein's conditions *)
Definition indep f g := forall k, (writes f k -> ~ acc g k) /\ (writes g k -> ~ acc f k).

Inductive within (f : fprint) : proc -> Prop :=
| within_return v : within f (Return v)
| within_read k p : acc f k -> (forall v, within f (p v)) -> within f (Read k p)
| within_write k v p : writes f k -> within f p -> within f (Write k v p).

(* A call: the futures its arguments refer to, what it does with their values, what it may touch then.
   The last field is hypothesis H1: declared footprints are sound, for all arguments and in all worlds. *)
Record call := MkCall {
  deps : list nat;
  body : list Val -> proc;
  footprint : list Val -> fprint;
  sound : forall vs, within (footprint vs) (body vs) }.

Inductive prog :=
| Done
| Let (c : call) (p : prog)                     (* let f = call in p *)
| Touch (i : nat) (p : Val -> prog).            (* touch $f as x in p(x): may branch on x *)

(* ------------------------------------------------------------------------------------------ the sequential machine *)

Fixpoint run (p : proc) (w : world) : Val * world :=
  match p with
  | Return v => (v, w)
  | Read k p => run (p (w k)) w
  | Write k v p => run p (upd w k v)
  end.

Definition args (rs : list Val) (ds : list nat) := map (fun d => nth d rs dflt) ds.

(* rs: the results so far, in issue order *)
Fixpoint sequential (p : prog) (rs : list Val) (w : world) : list Val * world :=
  match p with
  | Done => (rs, w)
  | Let c p => let (v, w') := run (body c (args rs (deps c))) w in sequential p (rs ++ [v]) w'
  | Touch i p => sequential (p (nth i rs dflt)) rs w
  end.

(* ---------------------------------------------------------------------------------------- the asynchronous machine *)

Inductive status := Pending | Running (p : proc) | Resolved (v : Val).
Definition entry := (call * status)%type.

(* futures: of numbers below `issued` *)
Record state := State { futures : nat -> entry; issued : nat; program : prog; store : world }.

Definition put {A} (P : nat -> A) j e := fun i => if i =? j then e else P i.

(* The gate `known`: all arguments of j are resolved. References point to earlier futures (H4). *)
Definition known (P : nat -> entry) j vs :=
  Forall2 (fun d v => d < j /\ snd (P d) = Resolved v) (deps (fst (P j))) vs.

(* what the arguments of j may still turn out to be: those that are resolved are what they are *)
Definition agrees (P : nat -> entry) j vs :=
  Forall2 (fun d v => forall u, d < j -> snd (P d) = Resolved u -> v = u) (deps (fst (P j))) vs.

(* The gate `quiet`: every earlier call has ended, or is known to be independent of the footprint f, or is bounded to
   be: whatever those of its arguments that are not known yet turn out to be. *)
Definition quiet (P : nat -> entry) j f := forall i, i < j ->
  (exists v, snd (P i) = Resolved v) \/
  (exists vs, known P i vs /\ indep (footprint (fst (P i)) vs) f) \/
  (forall vs, agrees P i vs -> indep (footprint (fst (P i)) vs) f).

(* Any scheduler: any rule may be taken whenever its conditions hold, so no fairness and no number of workers is
   assumed. That nobody but the tools changes the world is hypothesis H3. *)
Inductive step : state -> state -> Prop :=
| issue P n c p w :
    step (State P n (Let c p) w) (State (put P n (c, Pending)) (S n) p w)
| touch P n i p w v (Hi : i < n) (Hs : snd (P i) = Resolved v) :
    step (State P n (Touch i p) w) (State P n (p v) w)
| start P n j p w vs (Hj : j < n) (Hs : snd (P j) = Pending)
    (Hk : known P j vs) (Hq : quiet P j (footprint (fst (P j)) vs)) :
    step (State P n p w) (State (put P j (fst (P j), Running (body (fst (P j)) vs))) n p w)
| read P n j p w k q (Hj : j < n) (Hs : snd (P j) = Running (Read k q)) :
    step (State P n p w) (State (put P j (fst (P j), Running (q (w k)))) n p w)
| write P n j p w k v q (Hj : j < n) (Hs : snd (P j) = Running (Write k v q)) :
    step (State P n p w) (State (put P j (fst (P j), Running q)) n p (upd w k v))
| finish P n j p w v (Hj : j < n) (Hs : snd (P j) = Running (Return v)) (Hv : is_error v = false) :
    step (State P n p w) (State (put P j (fst (P j), Resolved v)) n p w)
| fail P n j p w v (Hj : j < n) (Hs : snd (P j) = Running (Return v)) (Hv : is_error v = true) :
    step (State P n p w) (State (put P j (fst (P j), Resolved v)) n p w).

Inductive steps : state -> state -> Prop :=
| steps_refl s : steps s s
| steps_step s1 s2 s3 : step s1 s2 -> steps s2 s3 -> steps s1 s3.

(* all futures below n are resolved *)
Definition settled (P : nat -> entry) n := forall i, i < n -> exists v, snd (P i) = Resolved v.

End Machine.
