package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	origin      = "chat.example/audit/1"
	witnessName = "witness.example/w1"
	count       = 700
	proven      = 2
)

// vectors is what x/mod and torchwood make of the rows of rowAt. Tiles and bundles are given by their SHA-256.
type vectors struct {
	LogKey      string            `json:"log_key"`
	WitnessKey  string            `json:"witness_key"`
	Checkpoints map[int64]string  `json:"checkpoints"`
	Cosigned    string            `json:"cosigned"`
	Tiles       map[string]string `json:"tiles"`
	Inclusion   []inclusion       `json:"inclusion"`
	Consistency []consistency     `json:"consistency"`
	Proof       string            `json:"proof"`
}

type inclusion struct {
	Index int64    `json:"index"`
	Size  int64    `json:"size"`
	Path  []string `json:"path"`
}

type consistency struct {
	Old  int64    `json:"old"`
	Size int64    `json:"size"`
	Path []string `json:"path"`
}

// rowAt is the row of a leaf; one of them holds a commitment to words.
func rowAt(index int) row {
	stream := sha256.Sum256(fmt.Appendf(nil, "stream %d", index%7))
	made := row{
		Position: uint64(3*index + 1),
		Stream:   hex.EncodeToString(stream[:16]),
		Version:  uint64(index/7 + 1),
		Topic:    "message_added",
		State:    fmt.Appendf(nil, "state %d", index),
	}
	if index == proven {
		salt, client := make([]byte, 32), "1"
		for at := range salt {
			salt[at] = byte(at)
		}
		made.Body = &body{Salt: salt, Content: "Nothing is lost.", ClientID: &client}
		made.State = fmt.Appendf(nil, `{"user_id":7,"sealed":"%s","timestamp":{"_data_":"2026-01-01T12:00:00+00:00"}}`,
			base64.StdEncoding.EncodeToString(made.Body.sealed()))
	}
	return made
}

func printVectors() error {
	log, err := note.NewSigner(signerKey(origin, 0x00))
	if err != nil {
		return err
	}
	witness, err := torchwood.NewCosignatureSigner(witnessName, ed25519.NewKeyFromSeed(seedFrom(0x20)))
	if err != nil {
		return err
	}
	out := vectors{
		LogKey:      verifierKey(origin, 0x00),
		WitnessKey:  witness.Verifier().String(),
		Checkpoints: map[int64]string{},
		Tiles:       map[string]string{},
	}
	var stored storedHashes
	var bundle []byte
	for index := range count {
		entry, err := rowAt(index).entry()
		if err != nil {
			return err
		}
		hashes, err := tlog.StoredHashes(int64(index), entry, stored)
		if err != nil {
			return err
		}
		stored = append(stored, hashes...)
		if bundle, err = torchwood.AppendTileEntry(bundle, entry); err != nil {
			return err
		}
		if width := index%torchwood.TileWidth + 1; width == torchwood.TileWidth || index == count-1 {
			tile := tlog.Tile{H: torchwood.TileHeight, L: -1, N: int64(index / torchwood.TileWidth), W: width}
			out.Tiles[torchwood.TilePath(tile)] = hash(bundle)
			bundle = nil
		}
	}
	for _, tile := range tlog.NewTiles(torchwood.TileHeight, 0, count) {
		data, err := tlog.ReadTileData(tile, stored)
		if err != nil {
			return err
		}
		out.Tiles[torchwood.TilePath(tile)] = hash(data)
	}
	for _, size := range []int64{1, 2, 3, 255, 256, 257, 512, count} {
		text, err := checkpointText(size, stored)
		if err != nil {
			return err
		}
		signed, err := note.Sign(&note.Note{Text: text}, log)
		if err != nil {
			return err
		}
		out.Checkpoints[size] = string(signed)
	}
	text, err := checkpointText(count, stored)
	if err != nil {
		return err
	}
	cosigned, err := note.Sign(&note.Note{Text: text}, log, witness)
	if err != nil {
		return err
	}
	out.Cosigned = string(cosigned)
	for _, pair := range [][2]int64{{0, 1}, {0, 2}, {2, 3}, {254, 255}, {255, 256}, {256, 257}, {5, 512}, {0, count}, {proven, count}, {511, count}, {699, count}} {
		path, err := tlog.ProveRecord(pair[1], pair[0], stored)
		if err != nil {
			return err
		}
		out.Inclusion = append(out.Inclusion, inclusion{pair[0], pair[1], hashTexts(path)})
	}
	for _, pair := range [][2]int64{{1, 2}, {2, 3}, {3, 255}, {255, 256}, {256, 257}, {256, 512}, {257, count}, {512, count}, {count, count}} {
		path, err := tlog.ProveTree(pair[1], pair[0], stored)
		if err != nil {
			return err
		}
		out.Consistency = append(out.Consistency, consistency{pair[0], pair[1], hashTexts(path)})
	}
	path, err := tlog.ProveRecord(count, proven, stored)
	if err != nil {
		return err
	}
	if out.Proof, err = formatProof(rowAt(proven), proven, path, []byte(out.Checkpoints[count])); err != nil {
		return err
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	return encoder.Encode(out)
}

func checkpointText(size int64, stored storedHashes) (string, error) {
	root, err := tlog.TreeHash(size, stored)
	return torchwood.Checkpoint{Origin: origin, Tree: tlog.Tree{N: size, Hash: root}}.String(), err
}

func hashTexts(path []tlog.Hash) []string {
	out := []string{}
	for _, hash := range path {
		out = append(out, hash.String())
	}
	return out
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// seedFrom is 32 bytes that count up.
func seedFrom(first byte) []byte {
	seed := make([]byte, ed25519.SeedSize)
	for at := range seed {
		seed[at] = first + byte(at)
	}
	return seed
}

// verifierKey is a public key as it is written.
func verifierKey(name string, first byte) string {
	public := ed25519.NewKeyFromSeed(seedFrom(first)).Public().(ed25519.PublicKey)
	key, err := note.NewEd25519VerifierKey(name, public)
	if err != nil {
		panic(err) // the public half of a key has the length that is asked for
	}
	return key
}

// signerKey is a private key as x/mod reads it.
func signerKey(name string, first byte) string {
	id := strings.Split(verifierKey(name, first), "+")[1]
	encoded := base64.StdEncoding.EncodeToString(append([]byte{0x01}, seedFrom(first)...))
	return strings.Join([]string{"PRIVATE", "KEY", name, id, encoded}, "+")
}
