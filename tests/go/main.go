// Programs that others wrote, put together to read a log of onrecord: x/mod/sumdb, torchwood and tessera's fsck.
//
//	others check -url URL -log KEY [-cosigner KEY]... [-old FILE] [-proof FILE]...
//	others vectors
//	others agent SOCKET SEED
//
// Nothing in here is onrecord's own code: formats are those of C2SP, entries and commitments those of docs/audit.md.
package main

import (
	"context"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "others:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 0 {
		return fmt.Errorf("a command is missing: check, vectors or agent")
	}
	command, rest := arguments[0], arguments[1:]
	switch command {
	case "check":
		return check(context.Background(), rest)
	case "vectors":
		return printVectors()
	case "agent":
		return serveAgent(rest)
	}
	return fmt.Errorf("unknown command %s", command)
}
