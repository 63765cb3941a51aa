package delivery

import (
	"sync"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// manifests keeps the latest multivariant playlists and MPDs that Verify read,
// so that Write, which mostly follows at once, need not read them again. A
// build's files are never rewritten and its prefix is never used again, so what
// is kept cannot be out of date.
type manifests struct {
	mu   sync.Mutex
	ring [64]manifest
	next int
}

type manifest struct {
	at   cloud.Location
	body []byte
}

// maxKept bounds one kept manifest: 64 of them are 16 MB at most.
const maxKept = 256 << 10

func (m *manifests) keep(at cloud.Location, body []byte) {
	if len(body) > maxKept {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ring[m.next] = manifest{at, body}
	m.next = (m.next + 1) % len(m.ring)
}

func (m *manifests) get(at cloud.Location) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.ring {
		if k.at == at && k.body != nil {
			return k.body, true
		}
	}
	return nil, false
}
