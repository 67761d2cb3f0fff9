import { Argument, type Command } from "commander";

const bash = `# slipway completion for bash: source <(slipway completion bash)
_slipway() {
  local line=\${COMP_LINE:0:COMP_POINT} word prefix=""
  local -a words
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  word=\${words[\${#words[@]}-1]}
  # bash takes = and : for the ends of words: what stands before them is on the line already.
  [[ $word == *[=:]* ]] && prefix=\${word%"\${word##*[=:]}"}
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    [[ -n $word ]] && COMPREPLY+=("\${word#"$prefix"}")
  done < <(slipway __complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -o default -F _slipway slipway
`;

const zsh = `#compdef slipway
# slipway completion for zsh: source <(slipway completion zsh), after compinit
_slipway() {
  local -a candidates
  local word about
  while IFS=$'\\t' read -r word about; do
    candidates+=("\${word//:/\\\\:}:$about")
  done < <(slipway __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#candidates} )); then _describe slipway candidates; else _files; fi
}
if [ "$funcstack[1]" = _slipway ]; then _slipway "$@"; else compdef _slipway slipway; fi
`;

const fish = `# slipway completion for fish: slipway completion fish | source
function __slipway_complete
  set -l words (commandline -opc) (commandline -ct)
  slipway __complete -- $words[2..-1] 2>/dev/null
end
complete -c slipway -f -a '(__slipway_complete)'
complete -c slipway -l file -s f -r -F
complete -c slipway -l ca-file -r -F
`;

const scripts: Readonly<Record<string, string>> = { bash, zsh, fish };

/** `slipway completion`: the script that makes a shell ask this program what may come next. */
export function completionCommand(command: Command): void {
  command
    .addArgument(new Argument("<shell>", "whose script").choices(Object.keys(scripts)))
    .addHelpText("after", "\nIn ~/.bashrc:\n  source <(slipway completion bash)")
    .action((shell: string) => void process.stdout.write(scripts[shell] ?? ""));
}
