#!/usr/bin/env bash
# Plays docs/runbook.md against a playground and writes it anew, with what the commands really printed.
# In a block that begins with ```console a line "$ COMMAND" is a command, the rest is its output. A plan's id, the name of a salvage
# file or a branch to choose in a command stands for the last one that was printed. What is not 0 as an exit code is noted below the
# output.
# usage: play_runbook.sh DIRECTORY_OF_PROGRAMS < runbook.md > runbook.new
# shellcheck disable=SC2001  # sed's expressions, for the same expression finds and replaces
set -euo pipefail
export PATH="$1:$PATH" NO_COLOR=1 HOLDFAST_AUTHOR=olga
work=$(mktemp -d)
cd "$work"
clean() {
  holdfast down >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean EXIT
unset HOLDFAST_DIR HOLDFAST_ENDPOINTS

plan='[0-9a-f]\{12\}'
file='[a-z0-9-]*/salvage-[A-Za-z0-9.-]*'
branch='--choose-branch=[0-9.]*@[0-9a-f]*'
last_plan='' last_file='' last_branch=''
block=no
while IFS= read -r line; do
  case $block:$line in
    no:'```console')
      block=yes
      printf '%s\n' "$line"
      ;;
    yes:'```')
      block=no
      printf '%s\n' "$line"
      ;;
    yes:'$ '*)
      command=${line#'$ '}
      [[ -z $last_plan ]] || command=$(sed "s/--plan $plan/--plan $last_plan/" <<<"$command")
      [[ -z $last_file ]] || command=$(sed "s#$file#$last_file#" <<<"$command")
      [[ -z $last_branch ]] || command=$(sed "s#$branch#$last_branch#" <<<"$command")
      printf '$ %s\n' "$command"
      status=0
      # As an operator's shell has it, where a pipe is what its last part is.
      bash -c "$command" >output 2>&1 </dev/null || status=$?
      sed "s#$work/##g" output
      [[ ! -s output || -z $(tail -c 1 output) ]] || echo  # a value ends as it was written
      [[ $status -eq 0 ]] || printf '(exit code %s)\n' "$status"
      found=$(sed -n "s/^plan \($plan\):.*/\1/p" output | tail -1)
      [[ -z $found ]] || last_plan=$found
      found=$(grep -o "$file" output | tail -1) || true
      [[ -z $found ]] || last_file=$found
      found=$(grep -o -e "$branch" output | tail -1) || true
      [[ -z $found ]] || last_branch=$found
      ;;
    yes:*) ;;
    no:*) printf '%s\n' "$line" ;;
  esac
done
