(* What can be computed of the proofs, as OCaml: the sequential machine, and how a state is completed in order. *)
From Coq Require Import Extraction ExtrOcamlBasic ExtrOcamlNatInt.
From AsyncFC Require Import Machine Invariant.
Extraction Language OCaml.
Extraction "machine.ml" sequential completion.
