(* Completes states in order, by the functions that are extracted from the proofs (Extract.v), for the tools of
   asyncfc_sim/workloads/random_programs.py. One state a line on standard input, as tests/proofs/test_extracted.py
   writes it; one line out for each: the value of every call, then every key of the world.

   The machine knows nothing of values, keys and tools: they are given here, once more in another language. *)
open Machine

type value =
  | Text of string
  | Json of string                                    (* any other JSON value, as text *)
  | Absent                                            (* what an absent key reads as *)
  | Error of { inherited : bool; message : string; origin : int }

let hide (v : value) : val0 = Obj.repr v
let show (v : val0) : value = Obj.obj v
let hide_key (k : string) : key = Obj.repr k

let domain =
  { key_eq = (fun a b -> (Obj.obj a : string) = Obj.obj b);
    dflt = hide Absent;
    is_error = (fun v -> match show v with Error _ -> true | _ -> false) }

(* ------------------------------------------------------------------------------------------------------- the tools *)

let text = function Text s | Json s -> s | Absent -> "" | Error _ -> assert false
let return v = Return (hide v)
let read key go = Read (hide_key key, fun v -> go (show v))

(* A world is a function; these are the keys that are worth looking at in it. *)
let known_keys = ref []
let write key v go =
  known_keys := key :: !known_keys;
  Write (hide_key key, hide v, go)

let file name = "file:" ^ text name

let existing key fail go = read key (function Absent -> fail "NotFound" | v -> go v)

(* what a tool does with its arguments; [fail] is how it raises *)
let act tool arguments fail =
  match tool, arguments with
  | "read", [ path ] -> existing (file path) fail return
  | "write", [ path; v ] -> write (file path) v (return (Text "ok"))
  | "append", [ path; v ] ->
      read (file path) (fun before -> write (file path) (Text (text before ^ text v)) (return (Text "ok")))
  | "create", [ path; v ] ->
      read (file path) (function Absent -> write (file path) v (return (Text "ok")) | _ -> fail "Exists")
  | "delete", [ path ] -> existing (file path) fail (fun _ -> write (file path) Absent (return (Text "ok")))
  | "copy", [ src; dst ] -> existing (file src) fail (fun v -> write (file dst) v (return (Text "ok")))
  | "fail", [] -> fail "Boom"
  | "pure", [ v ] -> return (Json ("[" ^ (match v with Text s -> Printf.sprintf "%S" s | v -> text v) ^ "]"))
  | _ -> failwith ("no such tool, or other arguments: " ^ tool)

type argument = Literal of value | Future of int

(* A call's body: poison first, then the tool. *)
let body future tool arguments values =
  let left = ref values in
  let bind = function
    | Literal v -> (0, v)
    | Future f -> let v = show (List.hd !left) in left := List.tl !left; (f, v)
  in
  let bound = List.map bind arguments in
  match List.find_opt (function _, Error _ -> true | _ -> false) bound with
  | Some (_, Error e) -> return (Error { e with inherited = true })
  | _ -> act tool (List.map snd bound) (fun message -> return (Error { inherited = false; message; origin = future }))

let call future tool arguments =
  let deps = List.filter_map (function Future f -> Some (f - 1) | Literal _ -> None) arguments in
  { deps; body = body future tool arguments; footprint = (fun _ -> Footprint) }

(* ------------------------------------------------------------------------------------------- reading states, one a line *)

type statement =
  | Calls of call
  | Touches of int list
  | Branches of int * value * statement list * statement list
  | Ends of int list

let rec compile statements =
  let touches futures go = List.fold_right (fun f go -> Touch (f - 1, fun _ -> go)) futures go in
  match statements with
  | [] -> Done
  | Calls c :: rest -> Let (c, compile rest)
  | Touches futures :: rest -> touches futures (compile rest)
  | Ends futures :: _ -> touches futures Done
  | Branches (f, literal, yes, no) :: rest ->
      Touch (f - 1, fun v -> compile ((if show v = literal then yes else no) @ rest))

let word source = Scanf.bscanf source " %s" Fun.id
let number source = Scanf.bscanf source " %d" Fun.id
let quoted source = Scanf.bscanf source " %S" Fun.id
let many source item = List.init (number source) (fun _ -> item source)

let a_value source =
  match word source with
  | "text" -> Text (quoted source)
  | "json" -> Json (quoted source)
  | "absent" -> Absent
  | "error" ->
      let inherited = number source = 1 in
      let origin = number source in
      Error { inherited; origin; message = quoted source }
  | w -> failwith ("no value: " ^ w)

let an_argument source = match word source with "future" -> Future (number source) | _ -> Literal (a_value source)

let a_call source =
  let future = number source in
  let tool = word source in
  call future tool (many source an_argument)

let rec a_statement source =
  match word source with
  | "call" -> Calls (a_call source)
  | "touch" -> Touches (many source number)
  | "return" -> Ends (many source number)
  | "branch" ->
      let future = number source in
      let literal = a_value source in
      let yes = many source a_statement in
      Branches (future, literal, yes, many source a_statement)
  | w -> failwith ("no statement: " ^ w)

(* a tool under way: what it does after it has been sent these answers *)
let rec after process = function
  | [] -> process
  | answer :: rest -> (
      match process with
      | Read (_, go) -> after (go (hide answer)) rest
      | Write (_, _, go) -> after go rest
      | Return _ -> failwith "a tool has returned, and is sent something")

let an_entry source : entry =
  let c = a_call source in
  match word source with
  | "pending" -> (c, Pending)
  | "resolved" -> (c, Resolved (hide (a_value source)))
  | "running" ->
      let values = List.map hide (many source a_value) in
      (c, Running (after (c.body values) (many source a_value)))
  | w -> failwith ("no status: " ^ w)

let a_state source =
  let keys = many source (fun source -> let k = quoted source in (k, a_value source)) in
  let entries = Array.of_list (many source an_entry) in
  let statements = many source a_statement in
  known_keys := List.map fst keys @ !known_keys;
  let store k = hide (try List.assoc (Obj.obj k : string) keys with Not_found -> Absent) in
  { futures = (fun i -> entries.(i)); issued = Array.length entries; program = compile statements; store }

(* ------------------------------------------------------------------------------------------------------------- writing *)

let written = function
  | Text s -> Printf.sprintf "text %S" s
  | Json s -> Printf.sprintf "json %S" s
  | Absent -> "absent"
  | Error e -> Printf.sprintf "error %d %d %S" (Bool.to_int e.inherited) e.origin e.message

let shown world key =
  match show (world (hide_key key)) with Absent -> None | v -> Some (Printf.sprintf "%S %s" key (written v))

let () =
  try
    while true do
      let line = input_line stdin in
      known_keys := [];
      let values, world = completion domain (a_state (Scanf.Scanning.from_string line)) in
      let keys = List.filter_map (shown world) (List.sort_uniq compare !known_keys) in
      Printf.printf "%d %s %s\n" (List.length values) (String.concat " " (List.map (fun v -> written (show v)) values))
        (String.concat " " (string_of_int (List.length keys) :: keys))
    done
  with End_of_file -> ()
