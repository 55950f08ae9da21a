#!/usr/bin/env bash
# check_style_test.sh: makes a small tree with one breach of each rule and expects each to be reported at its
# place, and a clean tree to pass.
set -euo pipefail
check=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/check_style.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

# file PATH: its text comes from standard input.
file() {
  mkdir -p "$tree/${1%/*}"
  cat >"$tree/$1"
}

# expects PLACE WORDS TEXT: TEXT, written to PLACE's file, is reported there in these words.
expects() {
  local place=$1 words=$2 path=${1%%:*} output
  [[ $path == */* ]] || path=$path/new.cc
  file "$path" <<<"$3"
  output=$(bash "$check" "$tree" 2>/dev/null || true)
  if ! grep -qF "$place: " <<<"$output" || ! grep -qF "$words" <<<"$output"; then
    printf 'expected "%s: ...%s..." but got:\n%s\n' "$place" "$words" "${output:-nothing}"
    failed=1
  fi
  rm "$tree/$path"
}

# passes PATH TEXT: nothing is reported.
passes() {
  local output
  file "$1" <<<"$2"
  if ! output=$(bash "$check" "$tree" 2>/dev/null); then
    printf 'expected %s to pass but got:\n%s\n' "$1" "$output"
    failed=1
  fi
  rm "$tree/$1"
}

for folder in base storage replication serving primary proxy rpc tests; do
  file "$folder/DESIGN.md" <<<"# $folder"
done

file docs/b.md <<<'[up](../base/DESIGN.md), [out](https://example.org/x)'

passes base/a.cc '#include "base/a.h"'
passes base/executor.cc '#include <thread>'
passes storage/sqlite_database.cc '#include <sqlite3.h>'
passes storage/log.cc '#include "holdfast/v1/log.pb.h"'
passes replication/follow_service.cc '#include <grpcpp/grpcpp.h>'
passes rpc/server.cc '#include <mutex>'
passes tests/a_test.cc '#include <thread>'
passes base/a.cc '// does not sleep (unlike absl::Mutex)'

expects base/a.cc:1 'base/ includes "storage/log.h"' '#include "storage/log.h"'
expects storage/a.cc:2 'storage/ includes "replication/sender.h"' $'\n#include "replication/sender.h"'
expects storage/a.cc:1 'storage/ includes "serving/reader.h"' '#include "serving/reader.h"'
expects primary/a.cc:1 'primary/ includes "proxy/upstream.h"' '#include "proxy/upstream.h"'
expects proxy/a.cc:1 'proxy/ includes "primary/role.h"' '#include "primary/role.h"'
expects serving/a.cc:1 'without its folder' '#include "reader.h"'
expects storage/log.cc:1 'includes SQLite' '#include <sqlite3.h>'
expects tests/a_test.cc:1 'includes SQLite' '#include "sqlite3.h"'
expects replication/sender.cc:1 'includes gRPC' '#include <grpcpp/grpcpp.h>'
expects replication/sender.cc:1 'generated service' '#include "holdfast/v1/replication.grpc.pb.h"'
expects storage/a.cc:1 'includes <thread>' '#include <thread>'
expects storage/a.cc:1 'includes "absl/time/clock.h"' '#include "absl/time/clock.h"'
expects storage/a.cc:1 'includes <random>' '#include <random>'
expects storage/a.h:1 'no #pragma once' 'namespace holdfast {}'
expects storage/a.cc:401 '402 lines' "$(printf '//\n%.0s' {1..402})"
expects storage/a.cc:3 'unfinished' $'//\n//\n// TODO: later'
expects storage/a.cc:1 'base/mutex.h' 'absl::Mutex mu;'
expects tests/a_test.cc:1 'sleeps' '  std::this_thread::sleep_for(x);'
expects tests/a_test.cc:1 'sleeps' '  sleep(1);'
expects docs/a.md:2 'links to gone.md' $'\n[a](b.md#part), [b](gone.md)'
expects bench:1 'no DESIGN.md' ''

exit "$failed"
