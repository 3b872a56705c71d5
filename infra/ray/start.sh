#!/bin/sh
# One node of a Ray cluster, on machines that have this project's environment (`make install`).
#
#   infra/ray/start.sh head 10.0.0.1          on the first machine: its private address
#   infra/ray/start.sh worker 10.0.0.2 10.0.0.1    on each other one: its own, then the head's
#   ray stop                                  on each, at the end
#
# Whoever reaches Ray's ports runs code: so a token on every node, and a private interface. Make the token once with
# `ray get-auth-token --generate` (it writes ~/.ray/auth_token, which is read here) and copy that file to each node.
set -eu

role=${1:?head or worker} address=${2:?the private address of this machine}
port=${RAY_PORT:-6379}
export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
[ -n "${RAY_AUTH_TOKEN:-}" ] || [ -s "${RAY_AUTH_TOKEN_PATH:-$HOME/.ray/auth_token}" ] || {
  echo "error: no token: ray get-auth-token --generate, and copy ~/.ray/auth_token to every node" >&2
  exit 1
}

case $role in
  head)
    ray start --head --node-ip-address="$address" --port="$port" --include-dashboard=false --disable-usage-stats
    echo "search here with: RAY_AUTH_MODE=token RAY_ADDRESS=$address:$port dvc repro search"
    ;;
  worker)
    ray start --address="${3:?the private address of the head}:$port" --node-ip-address="$address"
    ;;
  *)
    echo "error: $role is neither head nor worker" >&2
    exit 1
    ;;
esac
