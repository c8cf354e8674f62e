package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"filippo.io/torchwood"
	formats "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// report is what was checked; it is printed when all of it holds.
type report struct {
	Size        int64            `json:"size"`
	Cosigned    map[string]int64 `json:"cosigned"`
	Entries     int64            `json:"entries"`
	Tiles       int              `json:"tiles"`
	Inclusion   int              `json:"inclusion"`
	Consistency int              `json:"consistency"`
	Proofs      int              `json:"proofs"`
	Fsck        bool             `json:"fsck"`
}

type texts []string

func (t *texts) String() string         { return strings.Join(*t, " ") }
func (t *texts) Set(value string) error { *t = append(*t, value); return nil }

// check reads everything that a log serves, by three programs, and compares. AUDIT_TOKEN opens the entries.
func check(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	base := flags.String("url", "", "where the log is, without /checkpoint")
	logKey := flags.String("log", "", "the verifier key of the log")
	var cosigners, olds, proofs texts
	flags.Var(&cosigners, "cosigner", "the verifier key of one who must have cosigned")
	flags.Var(&olds, "old", "a file with an older checkpoint, which the log must continue")
	flags.Var(&proofs, "proof", "a tlog-proof file")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	trusted, err := parseKeys(*logKey, cosigners)
	if err != nil {
		return err
	}
	found := report{}
	for _, file := range proofs {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := checkProof(string(text), trusted); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		found.Proofs++
	}
	if *base != "" {
		if err := checkServed(ctx, strings.TrimRight(*base, "/"), trusted, olds, &found); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

func parseKeys(logKey string, cosigners []string) (keys, error) {
	log, err := note.NewVerifier(logKey)
	if err != nil {
		return keys{}, fmt.Errorf("%q: %w", logKey, err)
	}
	trusted := keys{log: log}
	for _, text := range cosigners {
		cosigner, err := formats.NewVerifierForCosignatureV1(text)
		if err != nil {
			return keys{}, fmt.Errorf("%q: %w", text, err)
		}
		trusted.cosigners = append(trusted.cosigners, cosigner)
	}
	return trusted, nil
}

func checkServed(ctx context.Context, base string, trusted keys, olds []string, found *report) error {
	fetcher, err := torchwood.NewTileFetcher(base, torchwood.WithHTTPClient(&http.Client{Transport: withToken{}}))
	if err != nil {
		return err
	}
	signed, err := fetcher.ReadEndpoint(ctx, "checkpoint")
	if err != nil {
		return err
	}
	tree, times, err := trusted.open(signed)
	if err != nil {
		return err
	}
	found.Size, found.Cosigned = tree.N, times
	stored, err := readEntries(ctx, fetcher, tree, found)
	if err != nil {
		return err
	}
	if err := compareTiles(ctx, fetcher, tree, stored, found); err != nil {
		return err
	}
	if err := checkInclusion(ctx, fetcher, tree, found); err != nil {
		return err
	}
	for _, file := range olds {
		if err := checkConsistency(ctx, fetcher, tree, file, trusted, found); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return runFsck(ctx, base, trusted, found)
}

// withToken adds what opens the entries to each request.
type withToken struct{}

func (withToken) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+os.Getenv("AUDIT_TOKEN"))
	return http.DefaultTransport.RoundTrip(request)
}

// storedHashes are the hashes of a tree, made from its entries by x/mod alone.
type storedHashes []tlog.Hash

func (s storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, 0, len(indexes))
	for _, index := range indexes {
		if index >= int64(len(s)) {
			return nil, fmt.Errorf("no hash %d", index)
		}
		out = append(out, s[index])
	}
	return out, nil
}

// readEntries reads every entry; torchwood checks each against the tiles, and these against the checkpoint.
func readEntries(
	ctx context.Context, fetcher *torchwood.TileFetcher, tree tlog.Tree, found *report,
) (storedHashes, error) {
	reader, err := torchwood.NewClient(fetcher)
	if err != nil {
		return nil, err
	}
	var stored storedHashes
	for found.Entries < tree.N {
		before := found.Entries
		for index, entry := range reader.Entries(ctx, tree, found.Entries) {
			hashes, err := tlog.StoredHashes(index, entry, stored)
			if err != nil {
				return nil, err
			}
			stored = append(stored, hashes...)
			found.Entries++
		}
		if err := reader.Err(); err != nil {
			return nil, err
		}
		if found.Entries == before {
			return nil, fmt.Errorf("the entries end at %d of %d", before, tree.N)
		}
	}
	if root, err := tlog.TreeHash(tree.N, stored); err != nil || root != tree.Hash {
		return nil, fmt.Errorf("the entries lead to the root %v, not to %v (%v)", root, tree.Hash, err)
	}
	return stored, nil
}

// compareTiles reads every tile, and compares it with the one that x/mod makes of the entries.
func compareTiles(
	ctx context.Context, fetcher *torchwood.TileFetcher, tree tlog.Tree, stored storedHashes, found *report,
) error {
	for _, tile := range tlog.NewTiles(torchwood.TileHeight, 0, tree.N) {
		made, err := tlog.ReadTileData(tile, stored)
		if err != nil {
			return err
		}
		served, err := fetcher.ReadTiles(ctx, []tlog.Tile{tile})
		if err != nil {
			return err
		}
		if !bytes.Equal(served[0], made) {
			return fmt.Errorf("%s is not made of the entries", torchwood.TilePath(tile))
		}
		found.Tiles++
	}
	return nil
}

// checkInclusion proves some entries from the tiles.
func checkInclusion(ctx context.Context, fetcher *torchwood.TileFetcher, tree tlog.Tree, found *report) error {
	reader, err := torchwood.NewClient(fetcher)
	if err != nil {
		return err
	}
	for _, index := range []int64{0, 1, 255, 256, tree.N / 2, tree.N - 1} {
		if index >= tree.N {
			continue
		}
		entry, path, err := reader.Entry(ctx, tree, index)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
		found.Inclusion++
	}
	return nil
}

// checkConsistency proves from the tiles that the tree continues an older one.
func checkConsistency(
	ctx context.Context, fetcher *torchwood.TileFetcher, tree tlog.Tree, file string, trusted keys, found *report,
) error {
	signed, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	old, _, err := trusted.open(signed)
	if err != nil {
		return err
	}
	proof, err := tlog.ProveTree(tree.N, old.N, torchwood.TileHashReaderWithContext(ctx, tree, fetcher))
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
		return err
	}
	found.Consistency++
	return nil
}

// runFsck has tessera check the log. Its command ends with 0 on a broken log; its package says what is wrong.
func runFsck(ctx context.Context, base string, trusted keys, found *report) error {
	root, err := url.Parse(base + "/")
	if err != nil {
		return err
	}
	fetcher, err := client.NewHTTPFetcher(root, nil)
	if err != nil {
		return err
	}
	fetcher.SetAuthorizationHeader("Bearer " + os.Getenv("AUDIT_TOKEN"))
	checking := fsck.New(trusted.log.Name(), trusted.log, fetcher, leafHashes, fsck.Opts{N: 1})
	if err := checking.Check(ctx); err != nil {
		return fmt.Errorf("fsck: %w", err)
	}
	found.Fsck = true
	return nil
}

func leafHashes(bundle []byte) ([][]byte, error) {
	entries := &api.EntryBundle{}
	if err := entries.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	var out [][]byte
	for _, entry := range entries.Entries {
		out = append(out, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return out, nil
}
