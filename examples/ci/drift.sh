#!/bin/sh
# Plans, and says in a table what differs: a row a line of drift, and a row for
# each problem that an atoll_site_status of the configuration reports. What else a
# plan prints is shown only when it failed.
#
#   drift.sh [options of terraform plan]
#
# TERRAFORM is the program (terraform), SUMMARY the file that the table is added
# to (the job's own at GitHub, standard output elsewhere).
#
# Exit code: 0 in sync, 2 something differs, 3 nothing differs of what answered
# and not everything did, 1 the plan failed.
set -u
umask 077
terraform=${TERRAFORM:-terraform}
summary=${SUMMARY:-${GITHUB_STEP_SUMMARY:-/dev/stdout}}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What cannot be changed cannot be damaged: the provider refuses every write.
ATOLL_READ_ONLY=${ATOLL_READ_ONLY:-true}
export ATOLL_READ_ONLY

"$terraform" plan -input=false -no-color -lock=false -out="$work/plan" "$@" >"$work/said" 2>&1 || {
  cat "$work/said" >&2
  exit 1
}
"$terraform" show -json "$work/plan" >"$work/plan.json" || exit 1

# Part and line, apart by a tab.
jq -r '
  def modules: ., (.child_modules // [] | .[] | modules);
  [ .resource_changes // [] | .[]
    | select(.change.actions != ["no-op"] and .change.actions != ["read"])
    | .address as $part
    | (.change.before.drift? // []) as $lines
    | if ($lines | length) > 0 then $lines[] else "to be changed: " + (.change.actions | join(" and ")) end
    | [$part, .] ]
  + [ (.prior_state.values.root_module // {}) | modules | .resources // [] | .[]
    | select(.mode == "data" and .type == "atoll_site_status")
    | .address as $part | .values.problems // [] | .[] | [$part, .] ]
  | .[] | @tsv' "$work/plan.json" >"$work/lines" || exit 1

if ! [ -s "$work/lines" ]; then
  echo 'The site is as declared.' >>"$summary"
  exit 0
fi
{
  echo '| part | line |'
  echo '| --- | --- |'
  sed 's/|/\\|/g; s/\t/ | /; s/^/| /; s/$/ |/' "$work/lines"
} >>"$summary"
silent='	(unreachable: |not asked: |.*: (unreachable|not asked): |.*: did not answer: )'
if grep -qvE "$silent" "$work/lines"; then exit 2; fi
exit 3
