package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const proofVersion = "c2sp.org/tlog-proof@v1"

// checkProof checks a tlog-proof file of the log: its checkpoint, its path and its opening.
func checkProof(text string, keys keys) error {
	head, checkpoint, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != proofVersion {
		return fmt.Errorf("this is not a proof file")
	}
	extra, isThere := strings.CutPrefix(lines[1], "extra ")
	number, isIndexed := strings.CutPrefix(lines[2], "index ")
	index, err := strconv.ParseInt(number, 10, 64)
	if !isThere || !isIndexed || err != nil {
		return fmt.Errorf("the proof file has no opening or no index")
	}
	var path tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		path = append(path, hash)
	}
	raw, err := base64.StdEncoding.DecodeString(extra)
	if err != nil {
		return err
	}
	var opened row
	if err := json.Unmarshal(raw, &opened); err != nil {
		return err
	}
	entry, err := opened.entry()
	if err != nil {
		return err
	}
	tree, _, err := keys.open([]byte(checkpoint))
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
		return err
	}
	return opened.checkWords()
}

// formatProof writes a tlog-proof file.
func formatProof(opened row, index int64, path tlog.RecordProof, checkpoint []byte) (string, error) {
	raw, err := json.Marshal(opened)
	if err != nil {
		return "", err
	}
	lines := []string{proofVersion, "extra " + base64.StdEncoding.EncodeToString(raw), fmt.Sprintf("index %d", index)}
	for _, hash := range path {
		lines = append(lines, hash.String())
	}
	return strings.Join(lines, "\n") + "\n\n" + string(checkpoint), nil
}

// keys are the keys by which checkpoints are trusted: that of the log, and those of cosigners, each of which must sign.
type keys struct {
	log       note.Verifier
	cosigners []note.Verifier
}

// open checks the signatures of a checkpoint, and returns its tree and the times of the cosignatures.
func (k keys) open(signed []byte) (tlog.Tree, map[string]int64, error) {
	opened, err := note.Open(signed, note.VerifierList(append([]note.Verifier{k.log}, k.cosigners...)...))
	if err != nil {
		return tlog.Tree{}, nil, err
	}
	checkpoint, err := torchwood.ParseCheckpoint(opened.Text)
	if err != nil {
		return tlog.Tree{}, nil, err
	}
	if checkpoint.Origin != k.log.Name() || checkpoint.Extension != "" {
		return tlog.Tree{}, nil, fmt.Errorf("the checkpoint is of %q, or has extension lines", checkpoint.Origin)
	}
	times := map[string]int64{}
	signedByLog := false
	for _, signature := range opened.Sigs {
		if signature.Name == k.log.Name() && signature.Hash == k.log.KeyHash() {
			signedByLog = true
			continue
		}
		if times[signature.Name], err = torchwood.CosignatureTimestamp(signature); err != nil {
			return tlog.Tree{}, nil, err
		}
	}
	if !signedByLog || len(times) != len(k.cosigners) {
		return tlog.Tree{}, nil, fmt.Errorf("a signature is missing: log %v, cosigners %d", signedByLog, len(times))
	}
	return checkpoint.Tree, times, nil
}
