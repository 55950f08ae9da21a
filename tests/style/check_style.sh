#!/usr/bin/env bash
# check_style.sh ROOT: the house rules that a machine can check (CONTRIBUTING.md, ARCHITECTURE.md). Prints
# "file:line: what is wrong: what to do" for each finding; exits with 1 if there is any.
set -euo pipefail
cd "${1:?usage: check_style.sh ROOT}"

folders=(base proto rpc storage replication serving failover node primary proxy client admin tests bench)
for i in "${!folders[@]}"; do
  [[ -d ${folders[i]} ]] || unset "folders[i]"
done

sources=$(find "${folders[@]}" -type f \( -name '*.h' -o -name '*.cc' \) | sort)

check_lines() {
  # shellcheck disable=SC2086  # one word per file: names have no spaces
  awk -f "${BASH_SOURCE[0]%/*}/rules.awk" $sources
}

check_folders() {
  local folder
  for folder in "${folders[@]}"; do
    [[ -f $folder/DESIGN.md || -z $(find "$folder" -name '*.cc' -o -name '*.h' -o -name '*.proto') ]] ||
      echo "$folder:1: no DESIGN.md: say on one page what the folder is for, its files in reading order, threads, invariants"
  done
}

# Every relative link of a document leads to a file.
check_links() {
  local document line rest link
  while IFS=: read -r document line rest; do
    while read -r link; do
      [[ -e ${document%/*}/$link ]] ||
        echo "${document#./}:$line: links to $link, which does not exist: mend the link or write the file"
    done < <(grep -oP '\]\(\K[^)#:]+(?=[)#])' <<<"$rest")
  done < <(find . -name '*.md' -not -path './build*' -not -path './.*' -exec grep -nHP '\]\([^)#:]+[)#]' {} +)
}

findings=$([[ -z $sources ]] || check_lines; check_folders; check_links)
[[ -z $findings ]] && exit 0
printf '%s\n' "$findings"
printf 'style: %d findings\n' "$(wc -l <<<"$findings")" >&2
exit 1
