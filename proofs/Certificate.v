(* T9. The certificate of one run. Take any scheduler whatever: one without the gate `quiet`, that may start a call once
   its arguments are known. If, in the log of what the tools read and wrote, conflicting accesses of different calls
   stand in issue order, then every future has its sequential value and the world is the sequential one. Moreover each
   call made the very accesses, in the same order, that it makes in the sequential run.

   Two accesses conflict if they are to the same key, and one of them writes. Nothing is assumed of declared footprints
   (H1), nor of the moments at which calls started. That a call was given the values which its references name is part
   of the machine: of [start], nothing is left out but the gate.

   How it goes. Again one function is left alone by every step, the completion of Invariant.v; but now from the end of
   the run to its start. Whether a read of call j disturbs the completion depends on what the earlier calls have yet to
   do. No gate tells us; but the log of the rest of the run does, if we know that it is, call by call, the log of the
   completion. This is shown along with it (alike). A write by an earlier call to the key that was read would stand in
   the log after the read, and so out of order (none_too_late).

   The functions that core/certificate.py applies to live runs, certify and certify_intervals, are in
   CertificateCheck.v. *)
From Coq Require Import List Arith Lia.
From AsyncFC Require Import Machine Independence Invariant Safety.
Import ListNotations.

Section Certificate.
Context {D : Domain}.

(* ---------------------------------------------------------------------------------------- any scheduler, with a log *)

Inductive mode := R | W.
Record access := Access { future : nat; how : mode; at_key : Key }.

(* The rules of Machine.v; [start] without its gate `quiet`, [finish] and [fail] in one. With each, what it logs. *)
Inductive any_step : state -> list access -> state -> Prop :=
| any_issue P n c p w :
    any_step (State P n (Let c p) w) [] (State (put P n (c, Pending)) (S n) p w)
| any_touch P n i p w v (Hi : i < n) (Hs : snd (P i) = Resolved v) :
    any_step (State P n (Touch i p) w) [] (State P n (p v) w)
| any_start P n j p w vs (Hj : j < n) (Hs : snd (P j) = Pending) (Hk : known P j vs) :
    any_step (State P n p w) [] (State (put P j (fst (P j), Running (body (fst (P j)) vs))) n p w)
| any_read P n j p w k q (Hj : j < n) (Hs : snd (P j) = Running (Read k q)) :
    any_step (State P n p w) [Access j R k] (State (put P j (fst (P j), Running (q (w k)))) n p w)
| any_write P n j p w k v q (Hj : j < n) (Hs : snd (P j) = Running (Write k v q)) :
    any_step (State P n p w) [Access j W k] (State (put P j (fst (P j), Running q)) n p (upd w k v))
| any_end P n j p w v (Hj : j < n) (Hs : snd (P j) = Running (Return v)) :
    any_step (State P n p w) [] (State (put P j (fst (P j), Resolved v)) n p w).

Inductive any_steps : state -> list access -> state -> Prop :=
| any_refl s : any_steps s [] s
| any_trans s1 s2 s3 l1 l2 : any_step s1 l1 s2 -> any_steps s2 l2 s3 -> any_steps s1 (l1 ++ l2) s3.

(* the scheduler of Machine.v is one of them *)
Lemma step_any s s' : step s s' -> exists log, any_step s log s'.
Proof. destruct 1; eexists; econstructor; eauto. Qed.

Definition conflict (a b : access) :=
  future a <> future b /\ at_key a = at_key b /\ (how a = W \/ how b = W).

(* of any two conflicting accesses, that of the call issued first comes first *)
Fixpoint in_order (log : list access) : Prop :=
  match log with
  | [] => True
  | a :: rest => (forall b, In b rest -> conflict a b -> future a < future b) /\ in_order rest
  end.

Lemma in_order_tail l1 l2 : in_order (l1 ++ l2) -> in_order l2.
Proof. induction l1; simpl; tauto. Qed.

Lemma in_order_app l l' : in_order l -> in_order l' ->
  (forall x y, In x l -> In y l' -> conflict x y -> future x < future y) -> in_order (l ++ l').
Proof.
  induction l as [|x l IH]; simpl; auto. intros [O1 O2] O' C. split; [|apply IH; auto].
  intros y. rewrite in_app_iff. intros [I|I]; auto.
Qed.

Lemma in_order_one_call i l : (forall x, In x l -> future x = i) -> in_order l.
Proof.
  induction l as [|x l IH]; simpl; intros E; auto. split; auto.
  intros y I [N _]. rewrite (E x), (E y) in N; auto. tauto.
Qed.

(* ------------------------------------------------------------------------- what the completion of a state would log *)

(* call j, from p to its end *)
Fixpoint run_log (j : nat) (p : proc) (w : world) : list access :=
  match p with
  | Return _ => []
  | Read k p => Access j R k :: run_log j (p (w k)) w
  | Write k v p => Access j W k :: run_log j p (upd w k v)
  end.

Fixpoint sequential_log (p : prog) (rs : list Val) (w : world) : list access :=
  match p with
  | Done => []
  | Let c p => let q := body c (args rs (deps c)) in
      run_log (length rs) q w ++ sequential_log p (rs ++ [fst (run q w)]) (snd (run q w))
  | Touch i p => sequential_log (p (nth i rs dflt)) rs w
  end.

Definition complete1_log (j : nat) (rs : list Val) (e : entry) (w : world) : list access :=
  match snd e with
  | Resolved _ => []
  | Running p => run_log j p w
  | Pending => run_log j (body (fst e) (args rs (deps (fst e)))) w
  end.

Fixpoint complete_log (n : nat) (P : nat -> entry) (w : world) : list access :=
  match n with
  | 0 => []
  | S m => let d := complete m P w in complete_log m P w ++ complete1_log m (fst d) (P m) (snd d)
  end.

Definition completion_log (s : state) : list access :=
  let d := complete (issued s) (futures s) (store s) in
  complete_log (issued s) (futures s) (store s) ++ sequential_log (program s) (fst d) (snd d).

(* the accesses of one call, in the order in which it made them *)
Definition of_call (i : nat) (log : list access) := filter (fun a => future a =? i) log.
Definition same_by_call (l l' : list access) := forall i, of_call i l = of_call i l'.

Lemma run_log_weq j p : forall w w', weq w w' -> run_log j p w = run_log j p w'.
Proof.
  induction p; simpl; intros w w' E; auto.
  - rewrite (E k). f_equal. now apply H.
  - f_equal. apply IHp. now apply upd_weq.
Qed.

Lemma complete1_log_weq j rs e w w' : weq w w' -> complete1_log j rs e w = complete1_log j rs e w'.
Proof. intros E. unfold complete1_log. destruct (snd e); auto using run_log_weq. Qed.

Lemma sequential_log_weq p : forall rs w w', weq w w' -> sequential_log p rs w = sequential_log p rs w'.
Proof.
  induction p; simpl; intros rs w w' E; auto.
  destruct (run_weq (body c (args rs (deps c))) w w' E) as [E1 E2].
  rewrite E1. f_equal; [now apply run_log_weq|now apply IHp].
Qed.

Lemma run_log_future j p : forall w a, In a (run_log j p w) -> future a = j.
Proof. induction p; simpl; intros w a I; [tauto| |]; (destruct I as [<-|I]; [reflexivity|eauto]). Qed.

Lemma complete_log_future n P w a : In a (complete_log n P w) -> future a < n.
Proof.
  induction n; simpl; [tauto|]. rewrite in_app_iff. intros [I|I]; [apply IHn in I; lia|].
  unfold complete1_log in I. destruct (snd (P n)); try (apply run_log_future in I; lia). destruct I.
Qed.

Lemma complete_log_ext n P Q w : (forall i, i < n -> P i = Q i) -> complete_log n P w = complete_log n Q w.
Proof.
  induction n; simpl; intros E; auto. rewrite IHn, (complete_ext n P Q), E by auto. reflexivity.
Qed.

Lemma complete_log_put n P w j e : n <= j -> complete_log n (put P j e) w = complete_log n P w.
Proof. intros. apply complete_log_ext. intros. now rewrite put_ne by lia. Qed.

Lemma complete_log_less j n P w a : j <= n -> In a (complete_log j P w) -> In a (complete_log n P w).
Proof. induction 1; simpl; auto. intros I. apply in_app_iff; auto. Qed.

(* ---------------------------------------------- accesses that do not meet: Independence.v, with logs for footprints *)

(* [read]: a key that is not written has its value after as before *)
Lemma run_unwritten j p k : forall w,
  (forall a, In a (run_log j p w) -> at_key a = k -> how a = R) -> snd (run p w) k = w k.
Proof.
  induction p; simpl; intros w N; auto.
  rewrite IHp by auto. unfold upd. destruct (key_eq k0 k); auto.
  discriminate (N (Access j W k0)); auto.
Qed.

Lemma complete_unwritten P k n w :
  (forall a, In a (complete_log n P w) -> at_key a = k -> how a = R) -> snd (complete n P w) k = w k.
Proof.
  induction n; simpl; intros N; auto.
  rewrite <- IHn by (intros; apply N; auto; apply in_app_iff; auto).
  assert (M := fun a I => N a (proj2 (in_app_iff _ _ a) (or_intror I))). clear N IHn.
  destruct (complete n P w) as [rs w1]. unfold complete1, complete1_log in *. simpl in *.
  destruct (snd (P n)); simpl; auto;
    pose proof (run_unwritten n _ k w1 M) as E; destruct (run _ w1); auto.
Qed.

(* [write]: w' is the world w after v was written to k, which the tool does not touch *)
Lemma run_untouched j p k v : forall w w', weq w' (upd w k v) ->
  (forall a, In a (run_log j p w') -> at_key a <> k) ->
  fst (run p w') = fst (run p w) /\ weq (snd (run p w')) (upd (snd (run p w)) k v) /\ run_log j p w' = run_log j p w.
Proof.
  induction p; simpl; intros w w' E N; auto.
  - assert (w' k0 = w k0) as E0.
    { rewrite E. unfold upd. destruct (key_eq k k0); auto. destruct (N (Access j R k0)); auto. }
    rewrite E0 in *. destruct (H (w k0) w w' E) as (A & B & C); [intros; apply N; auto|].
    repeat split; auto. now f_equal.
  - destruct (IHp (upd w k0 v0) (upd w' k0 v0)) as (A & B & C); [|intros; apply N; auto|].
    + intro x. unfold upd at 1 2 3. destruct (key_eq k0 x).
      * destruct (key_eq k x); auto. destruct (N (Access j W k0)); simpl; auto; congruence.
      * apply E.
    + repeat split; auto. now f_equal.
Qed.

Lemma complete_untouched P k v n w : (forall a, In a (complete_log n P (upd w k v)) -> at_key a <> k) ->
  fst (complete n P (upd w k v)) = fst (complete n P w) /\
  weq (snd (complete n P (upd w k v))) (upd (snd (complete n P w)) k v) /\
  complete_log n P (upd w k v) = complete_log n P w.
Proof.
  induction n; simpl; intros N; [repeat split; intro; auto|].
  destruct IHn as (A & B & C); [intros; apply N; apply in_app_iff; auto|].
  assert (M := fun a I => N a (proj2 (in_app_iff _ _ a) (or_intror I))). clear N.
  rewrite C. destruct (complete n P w) as [rs w1], (complete n P (upd w k v)) as [rs' w1']. simpl in *. subst rs'.
  unfold complete1, complete1_log in *. destruct (snd (P n)); simpl; auto;
    destruct (run_untouched n _ k v w1 w1' B M) as (X & Y & Z);
    rewrite Z; destruct (run _ w1), (run _ w1'); simpl in *; subst; auto.
Qed.

(* ----------------------------------------------------------------------------------------------- logs, call by call *)

Lemma of_call_app i l l' : of_call i (l ++ l') = of_call i l ++ of_call i l'.
Proof. apply filter_app. Qed.

Lemma of_call_none i l : (forall a, In a l -> future a <> i) -> of_call i l = [].
Proof.
  induction l as [|a l IH]; simpl; intros N; auto.
  destruct (Nat.eqb_spec (future a) i); [destruct (N a); auto|auto].
Qed.

Lemma same_by_call_app l1 l2 l1' l2' :
  same_by_call l1 l1' -> same_by_call l2 l2' -> same_by_call (l1 ++ l2) (l1' ++ l2').
Proof. intros A B i. now rewrite !of_call_app, A, B. Qed.

Lemma same_by_call_in l l' a : same_by_call l l' -> In a l' -> In a l.
Proof.
  intros L I. assert (J : In a (of_call (future a) l')) by (apply filter_In; split; auto; apply Nat.eqb_refl).
  rewrite <- L in J. now apply filter_In in J.
Qed.

(* an access of call j moves to the front, past those of earlier calls *)
Lemma past_earlier j a l l' : future a = j -> (forall b, In b l -> future b < j) ->
  same_by_call (l ++ a :: l') (a :: l ++ l').
Proof.
  intros A B i. change (of_call i (l ++ [a] ++ l') = of_call i ([a] ++ l ++ l')). rewrite !of_call_app.
  destruct (Nat.eq_dec j i).
  - rewrite (of_call_none i l); auto. intros b Hb. apply B in Hb. lia.
  - rewrite (of_call_none i [a]); auto. intros b [<-|[]]. lia.
Qed.

Lemma complete_log_suffix n j P Q w w' la : j < n -> (forall i, j < i -> P i = Q i) ->
  oeq (complete (S j) P w) (complete (S j) Q w') ->
  same_by_call (complete_log (S j) P w) (la ++ complete_log (S j) Q w') ->
  same_by_call (complete_log n P w) (la ++ complete_log n Q w').
Proof.
  intros Hj E C L. induction n; [lia|]. destruct (Nat.eq_dec j n); [subst; auto|].
  destruct (complete_suffix n j P Q w w') as [F1 F2]; auto; [lia|].
  simpl. rewrite app_assoc. apply same_by_call_app; [apply IHn; lia|].
  rewrite F1, (E n) by lia. erewrite complete1_log_weq by exact F2. intro; reflexivity.
Qed.

(* -------------------------------------------------------------------------------- one step, from the end of the run *)

(* s' is s after a step that logged la: both are completed to the same outcome, with the same accesses of each call *)
Definition alike s la s' :=
  oeq (completion s) (completion s') /\ same_by_call (completion_log s) (la ++ completion_log s').

Lemma alike_put P n p w w' j e la : j < n ->
  oeq (complete (S j) P w) (complete (S j) (put P j e) w') ->
  same_by_call (complete_log (S j) P w) (la ++ complete_log (S j) (put P j e) w') ->
  alike (State P n p w) la (State (put P j e) n p w').
Proof.
  intros Hj C L. split; [now apply completion_put|]. unfold completion_log. simpl.
  assert (E : forall i, j < i -> P i = put P j e i) by (intros; now rewrite put_ne by lia).
  rewrite app_assoc. apply same_by_call_app; [now apply complete_log_suffix with (j := j)|].
  destruct (complete_suffix n j P (put P j e) w w') as [F1 F2]; auto.
  rewrite F1. erewrite sequential_log_weq by exact F2. intro; reflexivity.
Qed.

(* Of what the earlier calls have yet to do, nothing conflicts with the access a of call j: it would come too late. *)
Lemma none_too_late P n p w j e a l : j < n -> future a = j -> in_order (a :: l) ->
  same_by_call l (completion_log (State (put P j e) n p w)) ->
  forall b, In b (complete_log j P w) -> at_key b = at_key a -> how a = R /\ how b = R.
Proof.
  intros Hj Ha [O _] L b Hb E. pose proof (complete_log_future _ _ _ _ Hb) as Lt.
  assert (I : In b l).
  { apply (same_by_call_in _ _ _ L), in_app_iff. left. apply complete_log_less with j; simpl; [lia|].
    now rewrite complete_log_put by lia. }
  specialize (O b I). unfold conflict in O.
  destruct (how a), (how b); auto; exfalso; (lapply O; [lia|repeat split; auto; lia]).
Qed.

Lemma alike_step s la s' l : any_step s la s' -> in_order (la ++ l) -> same_by_call l (completion_log s') ->
  alike s la s'.
Proof.
  intros S O L. destruct S.
  - (* issue *) unfold alike, completion, completion_log; simpl.
    rewrite complete_put, complete_log_put, put_eq by auto. pose proof (complete_length n P w) as N.
    destruct (complete n P w) as [rs w1]. unfold complete1, complete1_log. simpl in *. rewrite N.
    destruct (run _ w1). simpl. rewrite <- app_assoc. split; [apply oeq_refl|intro; reflexivity].
  - (* touch *) unfold alike, completion, completion_log; simpl. pose proof (complete_resolved n P w i v Hi Hs) as E.
    destruct (complete n P w); simpl in *; rewrite E. split; [apply oeq_refl|intro; reflexivity].
  - (* start *) pose proof (complete_known P j vs w Hk) as E.
    apply alike_put; auto; simpl; rewrite complete_put, ?complete_log_put, put_eq by auto;
      destruct (complete j P w) as [rs w1]; unfold complete1, complete1_log; rewrite Hs; simpl in *;
      rewrite E; [apply oeq_refl|intro; reflexivity].
  - (* read *) pose proof (none_too_late _ _ _ _ _ _ (Access j R k) l Hj eq_refl O L) as N.
    assert (E : snd (complete j P w) k = w k).
    { apply complete_unwritten. intros b Hb Kb. now destruct (N b Hb Kb). }
    pose proof (complete_log_future j P w) as Lt.
    apply alike_put; auto; simpl; rewrite complete_put, ?complete_log_put, put_eq by auto;
      destruct (complete j P w) as [rs w1]; unfold complete1, complete1_log; rewrite Hs; simpl in *;
      rewrite E; [apply oeq_refl|now apply past_earlier with (j := j)].
  - (* write *) pose proof (none_too_late _ _ _ _ _ _ (Access j W k) l Hj eq_refl O L) as N.
    destruct (complete_untouched P k v j w) as (E1 & E2 & E3).
    { intros b Hb Kb. now destruct (N b Hb Kb). }
    pose proof (complete_log_future j P w) as Lt.
    apply alike_put; auto; simpl; rewrite complete_put, ?complete_log_put, put_eq by auto; rewrite ?E3;
      destruct (complete j P w) as [rs w1], (complete j P (upd w k v)) as [rs' w1'];
      unfold complete1, complete1_log; rewrite Hs; simpl in *; subst.
    + destruct (run_weq q w1' _ E2) as [F1 F2].
      destruct (run q w1'), (run q (upd w1 k v)); simpl in *; subst. split; auto. intro x. now symmetry.
    + rewrite (run_log_weq j q _ _ E2). now apply past_earlier with (j := j).
  - (* finish, fail *)
    apply alike_put; auto; simpl; rewrite complete_put, ?complete_log_put, put_eq by auto;
      destruct (complete j P w) as [rs w1]; unfold complete1, complete1_log; rewrite Hs; simpl;
      [apply oeq_refl|intro; reflexivity].
Qed.

Lemma complete_log_settled n P w : settled P n -> complete_log n P w = [].
Proof.
  induction n; simpl; intros A; auto. rewrite IHn by (intros i Hi; apply A; lia).
  destruct (A n ltac:(lia)) as [v Hv]. unfold complete1_log. now rewrite Hv.
Qed.

Lemma alike_steps s l P n w : any_steps s l (State P n Done w) -> settled P n -> in_order l ->
  alike s l (State P n Done w).
Proof.
  intros S A. remember (State P n Done w) as s' eqn:E. induction S as [s|s1 s2 s3 l1 l2 H S IH]; intros O.
  - split; [apply oeq_refl|intro; reflexivity].
  - destruct (IH E (in_order_tail _ _ O)) as [[A1 A2] L].
    assert (L2 : same_by_call l2 (completion_log s2)).
    { intro i. rewrite L, E. unfold completion_log. simpl. now rewrite complete_log_settled, !app_nil_r. }
    destruct (alike_step _ _ _ _ H O L2) as [[B1 B2] M]. split.
    + split; [congruence|intro x; now rewrite B2].
    + intro i. now rewrite M, <- app_assoc, !of_call_app, L, of_call_app.
Qed.

(* --------------------------------------------------------------------------------------------------------------- T9 *)

(* the results of the sequential run, for as many calls, and its world *)
Definition sequential_outcome p w0 (P : nat -> entry) n w :=
  length (fst (sequential p [] w0)) = n /\ weq w (snd (sequential p [] w0)) /\
  forall i, i < n -> snd (P i) = Resolved (nth i (fst (sequential p [] w0)) dflt).

Theorem certificate P0 p w0 log P n w : any_steps (State P0 0 p w0) log (State P n Done w) -> settled P n ->
  in_order log -> sequential_outcome p w0 P n w /\ same_by_call log (sequential_log p [] w0).
Proof.
  intros S A O. unfold sequential_outcome. destruct (alike_steps _ _ _ _ _ S A O) as [[E1 E2] L].
  unfold completion in E1, E2. unfold completion_log in L. simpl in E1, E2, L.
  pose proof (complete_length n P w) as N. pose proof (complete_settled n P w A) as Dn.
  pose proof (complete_resolved n P w) as Rv.
  destruct (complete n P w) as [rs w1]; simpl in *. rewrite E1. repeat split; auto.
  - intro x. now rewrite E2, Dn.
  - intros i Hi. destruct (A i Hi) as [v Hv]. now rewrite (Rv i v Hi Hv).
  - intro i. now rewrite L, complete_log_settled, !app_nil_r.
Qed.
End Certificate.
