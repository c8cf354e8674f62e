package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"net"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// serveAgent answers as an ssh-agent that holds one Ed25519 key: litewitness signs with nothing else.
// It prints the key's fingerprint when it listens, and ends when it is killed.
func serveAgent(arguments []string) error {
	if len(arguments) != 2 {
		return fmt.Errorf("agent needs a socket and a seed of 64 hex digits")
	}
	seed, err := hex.DecodeString(arguments[1])
	if err != nil || len(seed) != ed25519.SeedSize {
		return fmt.Errorf("the seed is not 64 hex digits")
	}
	private := ed25519.NewKeyFromSeed(seed)
	keyring := agent.NewKeyring()
	if err := keyring.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		return err
	}
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		return err
	}
	listener, err := net.Listen("unix", arguments[0])
	if err != nil {
		return err
	}
	fmt.Println(ssh.FingerprintSHA256(public))
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go agent.ServeAgent(keyring, connection)
	}
}
