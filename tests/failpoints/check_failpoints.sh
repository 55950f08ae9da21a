#!/usr/bin/env bash
# check_failpoints.sh ROOT BIN FAILPOINTS_BIN FILES: each file with failpoints is one of FILES (separated by
# commas) and the other way round; the programs in BIN have no trace of them, and those in FAILPOINTS_BIN
# have each. Prints "what: what to do" for each finding; exits with 1 if there is any.
set -euo pipefail
root=${1:?usage: check_failpoints.sh ROOT BIN FAILPOINTS_BIN FILES} bin=$2 failpoints_bin=$3
IFS=',' read -r -a files <<<"$4"

cd "$root"
used=$(grep -rlE --include='*.cc' --include='*.h' 'HOLDFAST_FAILPOINT(_STATUS)?\(' \
  rpc storage replication serving failover node primary proxy | sort)
listed=$(printf '%s\n' "${files[@]}" | sort)

check_lists() {
  local file
  while read -r file; do
    echo "$file: is on one list only: add it to tests/failpoints/CMakeLists.txt, or take it off"
  done < <(comm -3 <(echo "$used") <(echo "$listed") | tr -d '\t')
}

# The names as they stand in the sources; of those that are put together, the beginning.
names=$(grep -hoP 'HOLDFAST_FAILPOINT(_STATUS)?\((absl::StrCat\()?"\K[^"]+' $used | sort -u)

# A name that is short, or an ordinary word, proves nothing.
check_names() {
  local name
  for name in $names; do
    [[ $name =~ ^[a-z-]+\.(before|after)-[a-z.-]+$ ]] || echo "$name: no <what>.before-<step> or <what>.after-<step>"
  done
}

check_programs() {
  local program name
  for program in holdfast holdfast-primary holdfast-proxy; do
    [[ -f $bin/$program ]] || { echo "$bin/$program: is not there: build it"; continue; }
    for name in $names HOLDFAST_FAILPOINTS HitFailpoint; do
      ! grep -qaF -- "$name" "$bin/$program" || echo "$bin/$program: has '$name': a failpoint in a program that people run"
    done
  done
  for name in $names; do
    grep -qaF -- "$name" "$failpoints_bin/holdfast-primary" || echo "$failpoints_bin/holdfast-primary: lacks '$name'"
  done
}

[[ -n $names ]] || { echo "no failpoint found: this check sees nothing"; exit 1; }
findings=$(check_lists; check_names; check_programs)
[[ -z $findings ]] && exit 0
printf '%s\n' "$findings"
exit 1
