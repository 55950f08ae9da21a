# The rules that look at sources, one pass over all files. Called by check_style.sh from the root.

BEGIN {
  max_lines = 400

  # What a folder's files may include: folders of this project (ARCHITECTURE.md has the reasons). "holdfast"
  # stands for the generated messages, "rpc" is for gRPC adapters only unless a folder lists it.
  may["base"] = " base "
  may["rpc"] = " base holdfast rpc "
  may["storage"] = " base holdfast storage "
  may["replication"] = may["storage"] "replication "
  may["serving"] = may["storage"] "serving "
  may["failover"] = may["replication"] "failover "
  may["node"] = " base holdfast rpc storage replication serving failover node "
  may["primary"] = may["node"] "primary "
  may["proxy"] = may["node"] "proxy "
  may["client"] = " base holdfast rpc client "
  may["admin"] = " base holdfast rpc storage client admin "

  time_header = "^<(thread|chrono|ctime|time\\.h|sys/time\\.h|pthread\\.h|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier|random)>$|^\"absl/(time/clock|random/.*|synchronization/.*)\\.h\"$"
}

function report(message) { printf "%s:%d: %s\n", FILENAME, FNR, message }

function is_grpc_adapter() {
  return folder == "rpc" || FILENAME ~ /(_grpc|grpc_)/ || FILENAME ~ /_(service|server|main)\.(h|cc)$/ || FILENAME ~ /\/main\.cc$/
}

function end_of_file() {
  if (previous == "") return
  if (length_of_previous > max_lines)
    printf "%s:%d: %d lines, at most %d are allowed: split it by concept\n", previous, max_lines + 1, length_of_previous, max_lines
  if (previous ~ /\.h$/ && !has_pragma)
    printf "%s:1: no #pragma once: make it the first line\n", previous
}

FNR == 1 {
  end_of_file()
  previous = FILENAME
  has_pragma = 0
  folder = FILENAME
  sub(/^\.\//, "", folder)
  sub(/\/.*/, "", folder)
  free_folder = folder == "tests" || folder == "bench"
}

{ length_of_previous = FNR }

/^#pragma once/ { has_pragma = 1 }

/^#[ \t]*include[ \t]*[<"]/ {
  header = $0
  sub(/^#[ \t]*include[ \t]*/, "", header)
  sub(/[ \t]*(\/\/.*)?$/, "", header)
  check_include(header)
}

function check_include(header, top) {
  if (header ~ /sqlite3(ext)?\.h[>"]$/ && FILENAME !~ /^(storage|tests\/storage)\/sqlite_[a-z_]*\.(h|cc)$/)
    report("includes SQLite: only storage/sqlite_* does; use its Database, Statement and Query")
  if (free_folder) return
  # gRPC's deadlines are <chrono>, its global settings want std::call_once.
  if (header ~ time_header && FILENAME !~ /^base\/(clock|random|executor|mutex)\.(h|cc)$/ && !(folder == "rpc" && header ~ /^<(chrono|mutex)>$/))
    report("includes " header ": time, chance and threads come from base/clock.h, base/random.h, base/executor.h, base/mutex.h")
  if (header ~ /^[<"](grpc|grpcpp|grpc\+\+)\// && !is_grpc_adapter())
    report("includes gRPC: only rpc/ and *grpc*, *_service, *_server files do")
  if (header ~ /\.grpc\.pb\.h"$/ && !is_grpc_adapter())
    report("includes a generated service: only rpc/ and *grpc*, *_service, *_server files do")
  if (header !~ /^"/) return
  top = header
  gsub(/"/, "", top)
  if (top !~ /\//) { report("includes " header " without its folder: write the path from the root"); return }
  sub(/\/.*/, "", top)
  if (top == "absl" || top == "google" || top == "grpc" || top == "grpcpp" || top == "spdlog" || top == "fmt" || top == "CLI" || top == "toml++") return
  if (index(may[folder], " " top " ")) return
  if (top == "rpc" && is_grpc_adapter() && folder != "base") return
  report(folder "/ includes " header ": " folder "/ may include" may[folder] "only; move the code or turn the dependency round")
}

/(^|[^A-Za-z_])(TODO|FIXME|XXX)([^A-Za-z_]|$)/ { report("unfinished: do it, or write down in the folder's DESIGN.md what is missing") }

/absl::(Mutex|CondVar|Notification|BlockingCounter|MutexLock|ReaderMutexLock)/ && !/^[ \t]*\/\// {
  report("uses Abseil's synchronisation, which gives false races under ThreadSanitizer: use base/mutex.h")
}

/(this_thread::sleep_|absl::SleepFor|(^|[^A-Za-z_:.>])(sleep|usleep|nanosleep)[ \t]*\()/ && !/^[ \t]*\/\// {
  report("sleeps: wait for the event itself (a predicate, an executor's timer, a poll with a deadline)")
}

END { end_of_file() }
