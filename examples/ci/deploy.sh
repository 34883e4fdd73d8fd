#!/usr/bin/env bash
# Upgrade, health check, and a way back that is looked at before it is taken.
#
#   deploy.sh RELEASE CHART [FLAGS OF helm upgrade …]
#
#   HEALTH_CHECK   command that says whether the new version works, run by sh; without it Helm's own --wait decides
#   HEALTH_TRIES   how often it is tried, two seconds apart [15]
#   FAIL_ON        severity that closes the gate [high]
#   OUT            directory for the reports [rollback-safe]
#   KUBE           flags of helm that say which cluster and namespace, separated by spaces (--namespace prod --kube-context live)
#
# `helm upgrade --rollback-on-failure` (`--atomic`) would go back whatever that destroys. Here a failed upgrade goes back only within
# the gate, and only if nothing has moved since the report; otherwise everything stays as it is for a person to decide.
#
# Ends with 0: the new version works · 10: it did not, and the former one runs again · 1, 4: it did not, and the gate is closed
# (see report.html) · anything else: something else went wrong.
set -euo pipefail

[[ $# -ge 2 ]] || { sed -n '2,/^set/{s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
release="$1" chart="$2"
shift 2
out="${OUT:-rollback-safe}" helm="${HELM_BIN:-helm}"
read -ra kube <<<"${KUBE:-}"
tool=("${ROLLBACK_SAFE:-$helm}")
[[ -n "${ROLLBACK_SAFE:-}" ]] || tool+=(rollback-safe)
mkdir -p "$out"

say() { printf 'deploy: %s\n' "$*" >&2; }

# The newest revision's number; nothing for a release that does not exist.
newest() {
  "$helm" history "$release" --max 1 --output json ${kube[@]+"${kube[@]}"} 2>/dev/null | sed -n 's/.*"revision":\([0-9]*\).*/\1/p'
}

healthy() {
  local try
  [[ -n "${HEALTH_CHECK:-}" ]] || return 0
  for ((try = 0; try < ${HEALTH_TRIES:-15}; try++)); do
    if sh -c "$HEALTH_CHECK"; then return 0; fi
    sleep 2
  done
  return 1
}

before=$(newest || true)
if "$helm" upgrade --install "$release" "$chart" --wait ${kube[@]+"${kube[@]}"} "$@" && healthy; then
  say "$release works"
  exit 0
fi
after=$(newest || true)
if [[ -z "$before" ]]; then
  say "$release does not work, and there is no former version"
  exit 3
fi
if [[ "$after" == "$before" ]]; then
  say "helm upgrade failed before it changed anything"
  exit 3
fi

say "revision ${after:-?} does not work; looking at the way back to $before"
status=0
"${tool[@]}" check "$release" "$before" --fail-on "${FAIL_ON:-high}" ${kube[@]+"${kube[@]}"} \
  --output text --output "json=$out/report.json" --output "html=$out/report.html" || status=$?
if [[ "$status" != 0 ]]; then
  say "not going back by itself (exit status $status); $out/report.html says why"
  exit "$status"
fi
# The digest binds cluster, records, Helm, flags, policy and findings: if any of them moved since, nothing is run.
digest=$(sed -n 's/^  "digest": "\(sha256:[0-9a-f]*\)",$/\1/p' "$out/report.json")
"${tool[@]}" run "$release" "$before" --fail-on "${FAIL_ON:-high}" ${kube[@]+"${kube[@]}"} --accept "$digest" >/dev/null
say "revision $before of $release runs again"
exit 10
