(* The converse of T9, for the rules of Machine.v, and [poison] of HeldBack.v. With sound footprints (H1) the certificate
   is never refused:

     always_in_order   whatever the schedule, conflicting accesses stand in issue order;
     always_certified  so certify accepts a log of the very keys that were accessed.

   So a live run that is not certified has calls that commute by declaration, lines in its log that stand for more than
   was accessed, a false footprint, a key that somebody else wrote, or a scheduler that does not keep to the rules.

   Why: when a call makes an access, whatever the earlier calls still have to do is independent of its footprint, by the
   gate `quiet`; and this stays so. An access that an earlier call makes later is within that, so it cannot conflict.

   Not covered: runs in which calls are given up. *)
From Coq Require Import List Arith Lia.
From AsyncFC Require Import Machine Independence Invariant HeldBack Certificate CertificateCheck.
Import ListNotations.

Section Always.
Context {D : Domain}.

Inductive logs : state -> list access -> state -> Prop :=
| logs_rule s l s' : step s s' -> any_step s l s' -> logs s l s'
| logs_poison P n j p w v : j < n -> snd (P j) = Pending ->
    (forall vs, agrees P j vs -> body (fst (P j)) vs = Return v) ->
    logs (State P n p w) [] (State (put P j (fst (P j), Resolved v)) n p w).

Inductive logged_steps : state -> list access -> state -> Prop :=
| logged_refl s : logged_steps s [] s
| logged_step s1 s2 s3 l1 l2 : logs s1 l1 s2 -> logged_steps s2 l2 s3 -> logged_steps s1 (l1 ++ l2) s3.

Lemma logs_hstep s l s' : logs s l s' -> hstep s s'.
Proof. destruct 1; eauto using by_rule, poison. Qed.

(* of each access so far: what is left of the earlier calls is still independent of the footprint that it is in *)
Definition out_of_the_way s (b : access) := exists f, quiet (futures s) (future b) f /\ future b < issued s /\
  acc f (at_key b) /\ (how b = W -> writes f (at_key b)).

Lemma out_of_the_way_step s s' b : out_of_the_way s b -> hstep s s' -> out_of_the_way s' b.
Proof.
  intros (f & Q & N & A) S. exists f.
  assert (Putting : forall (P : nat -> entry) j t, (forall v, snd (P j) <> Resolved v) -> quiet P (future b) f ->
    quiet (put P j (fst (P j), t)) (future b) f).
  { intros P j t Nr Qp. apply quiet_mono with P; auto; intros; [now rewrite put_call|now apply put_resolved]. }
  destruct S as [s s' S|]; [|split; [apply Putting; auto; simpl in *; congruence|auto]].
  split; [|split; [destruct S; simpl in *; lia|exact A]].
  destruct S; simpl in *; auto; try (apply Putting; auto; congruence).
  (* issue *) apply quiet_mono with P; auto; intros; now rewrite put_ne by lia.
Qed.

(* what a running call does next is within its footprint, and the earlier calls are out of its way *)
Lemma access_within s a s' : Inv s -> any_step s [a] s' -> exists p vs, future a < issued s /\
  snd (futures s (future a)) = Running p /\ admitted (futures s) (future a) p vs /\
  acc (footprint (fst (futures s (future a))) vs) (at_key a) /\
  (how a = W -> writes (footprint (fst (futures s (future a))) vs) (at_key a)).
Proof.
  intros I S. inversion S; subst; simpl;
    (destruct (I j _ Hj Hs) as [vs A]; eexists; exists vs; split; [auto|split; [exact Hs|split; [exact A|]]]);
    destruct A as [_ [Wn _]]; simpl in Wn; inversion Wn; subst; split; auto; try discriminate. now right.
Qed.

Lemma out_of_the_way_access s a s' : Inv s -> logs s [a] s' -> any_step s [a] s' -> out_of_the_way s' a.
Proof.
  intros I S A. apply out_of_the_way_step with s; [|eapply logs_hstep; eauto].
  destruct (access_within _ _ _ I A) as (p & vs & L & _ & (_ & _ & Q) & X & Y).
  exists (footprint (fst (futures s (future a))) vs). auto.
Qed.

Lemma not_overtaking s a s' b : Inv s -> any_step s [a] s' -> out_of_the_way s b -> conflict b a -> future b < future a.
Proof.
  intros I S (f & Q & _ & Xb & Yb) (N & K & M).
  destruct (access_within _ _ _ I S) as (p & vs & L & E & (Kn & _ & _) & Xa & Ya).
  destruct (le_lt_dec (future a) (future b)) as [Lt|]; auto. exfalso.
  assert (In' : indep (footprint (fst (futures s (future a))) vs) f).
  { destruct (Q (future a) ltac:(lia)) as [[v V]|[[vs' [Kn' In']]|In']]; [congruence| |].
    - now rewrite (known_unique _ _ _ _ Kn Kn').
    - now apply In', known_agrees. }
  rewrite K in *. destruct (In' (at_key a)) as [In1 In2]. destruct M as [M|M]; [apply In2|apply In1]; auto.
Qed.

Theorem always_in_order P0 p w0 log s : logged_steps (State P0 0 p w0) log s -> in_order log.
Proof.
  assert (G : forall s log s', logged_steps s log s' -> Inv s -> forall before, in_order before ->
    (forall b, In b before -> out_of_the_way s b) -> in_order (before ++ log)).
  { induction 1 as [s1|s1 s2 s3 l1 l2 S _ IH]; intros I before O B; [now rewrite app_nil_r|].
    assert (L : l1 = [] \/ exists a, l1 = [a] /\ any_step s1 [a] s2).
    { destruct S as [? ? ? _ A|]; auto. destruct A; eauto using any_read, any_write. }
    pose proof (logs_hstep _ _ _ S) as H. rewrite app_assoc. apply IH; [now apply Inv_hstep with s1| |].
    - destruct L as [->|[a [-> A]]]; [now rewrite app_nil_r|]. apply in_order_app; simpl; auto; [tauto|].
      intros x y Ix [<-|[]] C. eapply not_overtaking; eauto.
    - intros b. rewrite in_app_iff. intros [Ib|Ib]; [apply out_of_the_way_step with s1; auto|].
      destruct L as [->|[a [-> A]]]; [destruct Ib|]. destruct Ib as [<-|[]]. now apply out_of_the_way_access with s1. }
  intros S. apply (G _ _ _ S (Inv_first _ _ _) []); simpl; tauto.
Qed.

(* every run of that scheduler has such a log *)
Lemma steps_logged s s' : hsteps s s' -> exists log, logged_steps s log s'.
Proof.
  induction 1 as [s|s1 s2 s3 S _ [l2 IH]]; [exists []; constructor|].
  destruct S as [s s' S|]; [|exists ([] ++ l2); econstructor; eauto using logs_poison].
  destruct (step_any _ _ S) as [l1 A]. exists (l1 ++ l2). econstructor; eauto using logs_rule.
Qed.
End Always.

Theorem always_certified V d err : let D := keyed V d err in forall P0 p w0 log s,
  logged_steps (State P0 0 p w0) log s -> certify (map (exact V d err) log) = true.
Proof. intros D P0 p w0 log s S. apply certify_exact. now apply always_in_order with P0 p w0 s. Qed.
