#!/bin/sh
# Plans, and says in a table what differs: a row a line of drift, a row for each
# attribute that is not as declared, for each warning of the plan, and for each problem
# that an atoll_site_status or atoll_file_tier_status of the configuration reports. What
# else a plan prints is shown only when it failed.
#
#   drift.sh [options of terraform plan]
#
# TERRAFORM is the program (terraform), SUMMARY the file that the table is added
# to (the job's own at GitHub, standard output elsewhere).
#
# Exit code: 0 in sync; 2 something differs, or a machine shows another host key; 3
# nothing differs of what answered, and not everything did; 1 the plan failed, or no
# machine at all could be asked.
set -u
umask 077
terraform=${TERRAFORM:-terraform}
summary=${SUMMARY:-${GITHUB_STEP_SUMMARY:-}}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What cannot be changed cannot be damaged: the provider refuses every write.
ATOLL_READ_ONLY=${ATOLL_READ_ONLY:-true}
export ATOLL_READ_ONLY

"$terraform" plan -json -input=false -no-color -lock=false -out="$work/plan" "$@" >"$work/said" 2>&1 || {
  jq -rR '. as $line | (try fromjson catch null) | if type != "object" then $line else
    .diagnostic // empty | "\(.severity): \(.summary)\(if .address then " (\(.address))" else "" end)\n\n\(.detail // "")\n" end' "$work/said" >&2
  exit 1
}
"$terraform" show -json "$work/plan" >"$work/plan.json" || exit 1
jq -cR '(try fromjson catch null) | objects | .diagnostic // empty | select(.severity == "warning")' "$work/said" >"$work/warnings" || exit 1

refreshed=true
for option in "$@"; do
  case $option in -refresh=false | --refresh=false) refreshed=false ;; esac
done

# Weight, part and line, apart by tabs. The weights: key (another host key), nobody (no
# machine was asked), differs, silent (was not asked), follows (from a machine that does
# not answer) and note (about no part of the site).
# shellcheck disable=SC2016 # the variables are those of jq
jq -r --slurpfile warnings "$work/warnings" --argjson refreshed "$refreshed" '
  def modules: ., (.child_modules // [] | .[] | modules);
  # The attributes that the configuration writes, by the address without keys.
  def written($inside):
    (.resources // [] | .[] | {key: ($inside + .address), value: (.expressions // {} | keys)}),
    (.module_calls // {} | to_entries[] | .key as $name | .value.module | written("\($inside)module.\($name)."));
  def keyless: gsub("\\[(\"([^\"\\\\]|\\\\.)*\"|[0-9]+)\\]"; "");
  def marked($name): if type == "object" then .[$name] else . end | [.. | booleans] | any;
  def shown: if . == null then "not set" elif type == "string" then . else tojson end;
  def differing($names): .change as $change
    | [ $change.before + $change.after | keys[] | select(. != "drift") | . as $name
        | select($names == null or any($names[]; . == $name))
        | select($change.before[$name] != $change.after[$name] and ($change.after_unknown | marked($name) | not))
        | ($change.before[$name] | shown) as $is | ($change.after[$name] | shown) as $want
        | if ([$change.before_sensitive, $change.after_sensitive] | any(.[]; marked($name))) or ([$is, $want | length] | max) > 80
          then "\($name): differs" else "\($name): is \($is), want \($want)" end ];
  def unasked: test("^(unreachable|not asked): |: (unreachable|not asked|did not answer): | Was Not Asked: ");
  def stood: .prior_state.values.root_module // {} | modules | .resources // [] | .[];
  # One that only an apply will read stands here as it once was.
  def statuses($type): ([.resource_changes // [] | .[] | select(.change.actions == ["read"]) | .address]) as $later
    | stood | select(.mode == "data" and .type == $type and (any(.address == $later[]; .) | not));
  # Which machines were asked: true for each that answered. An account is none.
  def answered: (statuses("atoll_site_status") | .values.machines // {} | .[] | .reachable == true),
    (statuses("atoll_file_tier_status") | .values.nodes // {} | .[] | .asked == true),
    ( stood | select($refreshed and .mode == "managed" and (.type | test("^atoll_(?!linode)"))) | .values
      | ([.drift // [] | .[] | select(unasked)] | length) < (if .ssh then 1 else .peers // .members // .nodes // [0] | length end) );

  ([.resource_drift // [] | .[] | select(.change.actions == ["delete"]) | .address]) as $gone
  | ([.configuration.root_module // {} | written("")] | from_entries) as $written
  | [ ( .resource_changes // [] | .[]
        | select(.change.actions != ["no-op"] and .change.actions != ["read"])
        | .address as $part | .change.actions as $actions | (.change.before.drift? // []) as $lines
        # What is only read shows in the lines already.
        | ($lines + if .change.before == null or .change.after == null then []
            elif $lines == [] then differing(null) else differing($written[$part | keyless] // []) end) as $all
        | ( if $actions == ["create"] and any($gone[]; . == $part) then "gone"
            elif $actions != ["update"] or $all == [] then "to be changed: " + ($actions | join(" and "))
            else empty end ), $all[]
        | {part: $part, line: ., counts: true} ),
      ( statuses("atoll_site_status", "atoll_file_tier_status") | .address as $part | .values.problems // [] | .[] | {part: $part, line: ., counts: true} ),
      ( $warnings[] | select(.summary | test("^Machine .* Was Not Read$") | not) # that has its line of drift
        | (.address // "" | if . == "" then "plan" else . end) as $part
        | { part: $part, line: "\(.summary): \(.detail // "" | split("\n")[0] // "")",
            # Others tell of what may be meant, such as an even number of members.
            counts: (.summary | test("^(Changed Outside of This Configuration|Check block assertion failed|Disk Nearly Full|Days Do Not Move|Files Rotted)$| Was Not Asked$")) } )
    ] as $found
  | ([ $found[] | .part as $part | .line | capture("^(?<who>[^:]+): (unreachable|did not answer): ") | [$part, .who] ]) as $dead
  # A tier tells of a pair, too, of which one node was not asked.
  | ([ $found[] | .part as $part | .line | capture("^(?<who>[^:]+): not asked: ") | [$part, .who] ]) as $silent
  | ([answered]) as $answered
  | ( $found[] | .part as $part | .line as $line
      | if .counts | not then "note"
        elif $line | unasked then if $line | test("host key has changed") then "key" else "silent" end
        elif [ $line | capture("^(?<from>[^:]+) → (?<to>[^:]+): no answer over the mesh") | .from, .to ] | any(.[]; any([$part, .] == $dead[]; .)) then "follows"
        elif [ $line | capture("^(?<one>[^:]+) ↔ (?<other>[^:]+): ") | .one, .other ] | any(.[]; any([$part, .] == $silent[]; .)) then "follows"
        else "differs" end
      | [., $part, $line] ),
    ( if $answered != [] and ($answered | any | not) then ["nobody", "plan", "no machine could be asked"] else empty end )
  | @tsv' "$work/plan.json" >"$work/lines" || exit 1

has() { grep -q "^$1	" "$work/lines"; }
code=0
if has key; then code=2; elif has nobody; then code=1; elif has differs; then code=2; elif has silent || has follows; then code=3; fi
{
  if [ $code = 0 ]; then echo 'The site is as declared.'; fi
  if [ $code = 0 ] && [ -s "$work/lines" ]; then echo; fi
  if [ -s "$work/lines" ]; then
    echo '| part | line |'
    echo '| --- | --- |'
    cut -f 2- "$work/lines" | uniq | sed 's/|/\\|/g; s/\t/ | /; s/^/| /; s/$/ |/'
  fi
} >"$work/table"
# Standard output may be a socket, or a file that others write to as well.
if [ -n "$summary" ]; then cat "$work/table" >>"$summary"; else cat "$work/table"; fi || exit 1
exit $code
