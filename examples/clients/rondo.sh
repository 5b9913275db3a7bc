#!/usr/bin/env bash
# A client of Rondo in bash (5 or newer) and its /dev/tcp, with head, wc, cat, mktemp and base64 beside it.
#
#   bash rondo.sh run echo '{"n":1}'          as a command: bash rondo.sh --help
#   source rondo.sh; rondo_run echo '{"n":1}'  as functions, rondo_COMMAND each
#
# Nodes are those of $RONDO_NODE (HOST:PORT,HOST:PORT), one after the other until one answers; $RONDO_TOKEN is shown to them. A request has a
# connection of its own. The protocol is src/protocol/PROTOCOL.md.

# A lost connection: whether what was asked has happened can't be known.
RONDO_LOST=75

rondo_usage() {
  cat <<'USAGE'
bash rondo.sh COMMAND

  run TASK [option=value ...] [JSON|@FILE]     runs a job and prints its result; with stream=yes what it yields before that
  submit TASK [option=value ...] [JSON|@FILE]  hands in a job and prints its id
  wait ID [timeout=30s]                        waits for a job and prints its result
  watch ID                                     prints what a job yields, then its result
  status ID  ·  cancel ID  ·  nodes
  publish TOPIC [JSON|@FILE]                   prints how many subscribers it was sent to
  subscribe TOPIC... [replay=N]                prints messages, one a line, until Ctrl-C
  subscribers TOPIC...                         prints how many there are

Options are those of PROTOCOL.md. @FILE sends the file as raw bytes, as `rondo run --binary` does (with type=json as JSON text), @- what is on
standard input. States and progress go to standard error. Nodes are those of $RONDO_NODE, with commas between; $RONDO_TOKEN is shown to them.
Exit codes: 0 done, 1 it failed, 2 wrong usage, 75 the connection was lost and what was asked may have happened or not.
USAGE
}

rondo_run() { _rondo_submission RUN "$@"; }
rondo_submit() {
  local reply
  reply=$(_rondo_submission SUBMIT "$@") && printf '%s\n' "${reply%% *}"
}
rondo_wait() { _rondo_again WAIT "$@"; }
rondo_watch() { _rondo_ask "" WATCH "$@"; }
rondo_status() { _rondo_again STATUS "$@"; }
rondo_cancel() { _rondo_again CANCEL "$@" >/dev/null; }
rondo_nodes() { _rondo_again NODES; }
rondo_publish() { _rondo_with_payload PUBLISH "$@"; }
rondo_subscribe() { _rondo_ask "" SUBSCRIBE "$@"; }
rondo_subscribers() { _rondo_again SUBSCRIBERS "$@"; }

# With several nodes a job has a key that is never used again: asked for at the next one, it is still one job.
_rondo_submission() {
  local verb=$1 task=${2:-} key=""
  shift $(($# < 2 ? $# : 2))
  if [[ ${RONDO_NODE:-} == *,* && " $* " != *" key="* ]]; then
    key="key=bash-$(head -c 16 /dev/urandom | base64 | tr -dc A-Za-z0-9)"
  fi
  _rondo_with_payload "$verb" "$task" ${key:+"$key"} "$@" && return
  local code=$?
  # What it has yielded would be printed twice.
  [[ $code == "$RONDO_LOST" && " $key $* " == *" key="* && " $* " != *" stream=yes "* ]] || return "$code"
  _rondo_with_payload "$verb" "$task" ${key:+"$key"} "$@"
}

# Asked once more at the next node when the first one is lost: for what changes nothing, or nothing more when it is asked twice.
_rondo_again() {
  _rondo_ask "" "$@" && return
  local code=$?
  [[ $code == "$RONDO_LOST" ]] || return "$code"
  _rondo_ask "" "$@"
}

# VERB OPERAND [option=value ...] [JSON|@FILE]: the payload goes as a body, which may be long and hold line breaks.
_rondo_with_payload() {
  local word payload=null type="" body code=0
  local -a words=("$1" "${2:-}")
  shift $(($# < 2 ? $# : 2))
  for word in "$@"; do
    if [[ $word =~ ^[a-z]+= ]]; then words+=("$word"); else payload=$word; fi
  done
  body=$(mktemp) || return 1
  case $payload in
    @-) cat >"$body" ;;
    @*) cat -- "${payload#@}" >"$body" || code=1 ;;
    *) printf %s "$payload" >"$body" ;;
  esac
  [[ $payload != @* || " ${words[*]} " == *" type="* ]] || type="type=binary"
  [[ $code != 0 ]] || _rondo_ask "$body" "${words[@]}" ${type:+"$type"} "bytes=$(wc -c <"$body")" || code=$?
  rm -f "$body"
  return "$code"
}

# Sends a line and the file of its body, if any, prints what is said to it, and is done when the reply has come.
_rondo_ask() {
  local body=$1 LC_ALL=C fd code=0
  shift
  local line="$*"
  if [[ $line == *[$'\n\r']* || $line == *" " ]]; then
    echo "rondo: this needs an operand, and words without line breaks: $1" >&2
    return 2
  fi
  _rondo_connect fd || return
  # In a shell of its own: a node that refuses a body and closes must end no script by SIGPIPE.
  (
    trap '' PIPE
    printf '%s\n' "$line"
    [[ -z $body ]] || { cat -- "$body"; echo; }
  ) >&"$fd" 2>/dev/null
  _rondo_print_replies "$fd" || code=$?
  exec {fd}>&-
  return "$code"
}

# Opens a connection to the first node that answers; the variable that is named gets its descriptor. The next one begins at the node after the one
# that answered last.
_rondo_connect() {
  local -n _fd=$1
  local address reply
  local -a nodes
  IFS=, read -ra nodes <<<"${RONDO_NODE:-127.0.0.1:7411}"
  local place start=${_rondo_next:-0}
  for ((place = start; place < start + ${#nodes[@]}; place++)); do
    address=${nodes[place % ${#nodes[@]}]}
    local host=${address%:*}
    host=${host#[} host=${host%]}
    { exec {_fd}<>"/dev/tcp/$host/${address##*:}"; } 2>/dev/null || continue
    _rondo_next=$((place + 1))
    [[ -n ${RONDO_TOKEN:-} ]] || return 0
    printf 'AUTH %s\n' "$RONDO_TOKEN" >&"$_fd"
    if IFS= read -r -u "$_fd" reply && [[ $reply == OK* ]]; then return 0; fi
    echo "rondo: $address: ${reply#ERR }" >&2
    exec {_fd}>&-
    return 1
  done
  echo "rondo: no node answers at ${RONDO_NODE:-127.0.0.1:7411}" >&2
  return 1
}

# Reads a reply and the items before it: values to standard output, raw bytes as they are, states and progress to standard error.
_rondo_print_replies() {
  local fd=$1 line streamed=""
  while IFS= read -r -u "$fd" line; do
    case $line in
      "OK bytes="* | "* data bytes="*)
        _rondo_print_body "$fd" "$line" || return
        streamed=yes ;;
      "* message bytes="*) _rondo_print_message "$fd" "$line" || return ;;
      "* data "*) printf '%s\n' "${line#'* data '}" && streamed=yes ;;
      "* message "*) printf '%s\n' "${line#'* message '}" ;;
      "* "*) printf '%s\n' "${line#'* '}" >&2 ;;
      OK | "OK null") [[ -n $streamed || $line == OK ]] || echo null ;;
      OK*) printf '%s\n' "${line#OK }" ;;
      *) echo "rondo: ${line#ERR }" >&2 && return 1 ;;
    esac || return 1 # Nobody reads what is printed.
    [[ $line == "* "* ]] || return 0
  done
  echo "rondo: the connection was lost: what was asked may have happened or not" >&2
  return "$RONDO_LOST"
}

# Bash reads a socket byte by byte, so all that follows the line is still there for head.
_rondo_print_body() {
  local count=${2#*bytes=} rest
  head -c "${count%% *}" <&"$1"
  IFS= read -r -u "$1" rest
}

_rondo_print_message() {
  local topic=${2#*topic=}
  printf '{"topic":"%s","base64":"%s"}\n' "${topic%% *}" "$(_rondo_print_body "$1" "$2" | base64 -w 0)"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  command=${1:-}
  shift $(($# > 0))
  case $command in
    run | submit | wait | watch | status | cancel | nodes | publish | subscribers) "rondo_$command" "$@" ;;
    subscribe)
      # A node hears that a connection has ended only once it has something to say: so it is told.
      trap '[[ -z ${fd:-} ]] || echo UNSUBSCRIBE >&"$fd"; exit 0' INT
      rondo_subscribe "$@" ;;
    -h | --help) rondo_usage ;;
    *)
      rondo_usage >&2
      exit 2 ;;
  esac
fi
