package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// row is a row of the log, as the opening in a proof file gives it.
type row struct {
	Position uint64 `json:"position"`
	Stream   string `json:"stream"`
	Version  uint64 `json:"version"`
	Topic    string `json:"topic"`
	State    []byte `json:"state"`
	Body     *body  `json:"body,omitempty"`
}

// body holds words that stand apart from the log, with what opens the commitment to them.
type body struct {
	Salt     []byte  `json:"salt"`
	Content  string  `json:"content"`
	ClientID *string `json:"client_id,omitempty"`
}

// entry is what the leaf of a row is the hash of.
func (r row) entry() ([]byte, error) {
	stream, err := hex.DecodeString(strings.ReplaceAll(r.Stream, "-", ""))
	if err != nil || len(stream) != 16 {
		return nil, fmt.Errorf("%q is not a stream", r.Stream)
	}
	topic := []byte(r.Topic)
	if len(topic) > 65000 {
		hash := sha256.Sum256(topic)
		topic = hash[:]
	}
	state := sha256.Sum256(r.State)
	out := []byte{0x01}
	out = binary.BigEndian.AppendUint64(out, r.Position)
	out = append(out, stream...)
	out = binary.BigEndian.AppendUint64(out, r.Version)
	out = binary.BigEndian.AppendUint16(out, uint16(len(topic)))
	out = append(out, topic...)
	return append(out, state[:]...), nil
}

// sealed is the commitment to the words.
func (b body) sealed() []byte {
	var out bytes.Buffer
	out.WriteString("onrecord/body/v1\x00")
	out.Write(b.Salt)
	binary.Write(&out, binary.BigEndian, uint64(len(b.Content)))
	out.WriteString(b.Content)
	if b.ClientID == nil {
		out.WriteByte(0)
	} else {
		out.WriteByte(1)
		out.WriteString(*b.ClientID)
	}
	hash := sha256.Sum256(out.Bytes())
	return hash[:]
}

// checkWords returns an error unless the words are those that the state holds a commitment to.
func (r row) checkWords() error {
	if r.Body == nil {
		return nil
	}
	var state struct {
		Sealed string `json:"sealed"`
	}
	if err := json.Unmarshal(r.State, &state); err != nil {
		return fmt.Errorf("the state cannot be read: %w", err)
	}
	if state.Sealed != base64.StdEncoding.EncodeToString(r.Body.sealed()) {
		return fmt.Errorf("the words at position %d are not those that the log holds a commitment to", r.Position)
	}
	return nil
}
