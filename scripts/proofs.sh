#!/usr/bin/env bash
# Check the proofs: scripts/proofs.sh [FOLDER]      default: proofs
# Compiles every file of FOLDER/_CoqProject, in that order, in a folder of its own, and prints what each theorem of
# FOLDER/theorems.txt rests on. Needs bash and Coq; with root and apt-get it installs Debian's coq (1 GB) if there is none.
# Exit code: 0 all is proved; 1 it is not, or something is assumed; 2 usage; 3 no Coq that will do, and it cannot be had here.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
proofs=${1:-$here/proofs}
[ $# -le 1 ] && [ -f "$proofs/_CoqProject" ] && [ -f "$proofs/theorems.txt" ] || {
    echo "expected: scripts/proofs.sh [FOLDER], with _CoqProject and theorems.txt in FOLDER" >&2
    exit 2
}

cannot() {
    echo "$1" >&2
    echo "install Coq 8.16 or newer: apt-get install --no-install-recommends coq, brew install coq, or https://coq.inria.fr" >&2
    exit 3
}

not_proved() {
    echo "not proved: $1" >&2
    exit 1
}

# Words that assume something. They may stand nowhere in these files, not even in a comment.
assuming='Axioms?|Parameters?|Conjectures?|Admitted|admit|give_up|bypass_check|Unset [A-Za-z]+ Checking'
if grep -nwE "$assuming" "$proofs"/*.v; then
    not_proved "these lines assume something"
fi

files=()
while read -r line || [ -n "$line" ]; do # the last line may have no end
    [[ $line == *.v ]] && files+=("${line%.v}")
done <"$proofs/_CoqProject"
for file in "$proofs"/*.v; do
    name=${file##*/}
    [[ " ${files[*]} " == *" ${name%.v} "* ]] || not_proved "$name is not in _CoqProject"
done

if ! command -v coqc >/dev/null; then
    command -v apt-get >/dev/null || cannot "there is no coqc, and no apt-get to install it with"
    [ "$(id -u)" = 0 ] || cannot "there is no coqc, and only root may install it"
    echo "installing Coq with apt-get"
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends coq; } >/dev/null || cannot "there is no coqc, and apt-get did not install it"
    command -v coqc >/dev/null || cannot "there is no coqc, and apt-get installed none into PATH"
fi

read -r version _ < <(coqc --print-version) || cannot "coqc does not say its version"
IFS=. read -r major minor _ <<<"$version"
minor=${minor%%[!0-9]*} # of 8.20+rc1
[ "$major" -gt 8 ] || [ "$minor" -ge 16 ] || cannot "this is Coq $version, which is too old"

proofs=$(cd "$proofs" && pwd)
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
cd "$build" # where coqc leaves a cache
for name in "${files[@]}"; do
    echo "compiling $name.v"
    coqc -q -noglob -Q . AsyncFC -o "$name.vo" "$proofs/$name.v" || not_proved "$name.v"
done

# One file that asks Coq about each theorem; a line with == stands before each answer.
asking=Assumptions.v
echo "From AsyncFC Require ${files[*]}." >"$asking"
count=0
while read -r label theorem || [ -n "$label" ]; do
    [ -n "$theorem" ] || not_proved "theorems.txt has a line that is not 'LABEL FILE.THEOREM': $label"
    printf 'Goal True. idtac "== %s %s". Abort.\nPrint Assumptions AsyncFC.%s.\n' "$label" "${theorem#*.}" "$theorem" >>"$asking"
    count=$((count + 1))
done <"$proofs/theorems.txt"
[ "$count" -gt 0 ] || not_proved "theorems.txt names no theorem"
answers=$(coqc -q -noglob -Q . AsyncFC "$asking") || not_proved "a theorem of theorems.txt is missing"

closed="Closed under the global context"
proved=0
theorem="" assumed=""
tell() {
    [ -n "$theorem" ] || return 0
    echo "$theorem:$assumed"
    [ "$assumed" = " $closed" ] && proved=$((proved + 1))
    return 0
}
while read -r line; do
    if [[ $line == "== "* ]]; then
        tell
        theorem=${line#== } assumed=""
    else
        assumed+=" $line"
    fi
done <<<"$answers"
tell
[ "$proved" = "$count" ] || not_proved "$((count - proved)) of $count theorems rest on something that is not proved"
