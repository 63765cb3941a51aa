package bench

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
)

// naiveEvery is how often a naive poller asks for its job, in the cloud's time.
const naiveEvery = 15 * time.Second

// ratesOfNaive measures what most who use MediaConvert do: as many workers as
// there are slots, each of which creates a job and asks for it until it has
// ended. A call that is refused is made again at the next turn.
func ratesOfNaive(t *testing.T) figures {
	f := fleet.Start(t, fleet.Options{Cloud: simulated()})
	put(t, f, *ratesAssets)
	p := &naive{t: t, api: f.Client("AWS_MAX_ATTEMPTS=1").Transcoder(), role: f.Cloud.Role, seen: make(map[string]time.Time)}
	p.began, p.host = f.Cloud.Now(), time.Now()
	assets := make(chan int)
	var workers sync.WaitGroup
	for range *ratesSlots {
		workers.Go(func() {
			for i := range assets {
				p.one(i)
			}
		})
	}
	for i := range *ratesAssets {
		assets <- i
	}
	close(assets)
	workers.Wait()
	m := figures{took: p.now().Sub(p.began)}
	m.count(f.Cloud.Calls())
	m.observe(f.Cloud.Jobs(), p.seen)
	return m
}

// naive is the pollers.
type naive struct {
	t     *testing.T
	api   cloud.Transcoder
	role  string
	began time.Time // by the cloud's clock
	host  time.Time // the same moment by the machine's

	mu   sync.Mutex
	seen map[string]time.Time
}

func (p *naive) now() time.Time {
	return p.began.Add(time.Duration(float64(time.Since(p.host)) * *ratesClock))
}

// one carries an asset from its submission to its job's end.
func (p *naive) one(i int) {
	asset := fmt.Sprint(i)
	turn := time.Duration(float64(naiveEvery) / *ratesClock)
	var id string
	for id == "" {
		job, err := p.api.Submit(p.t.Context(), p.request(i))
		switch {
		case err == nil:
			id = job.ID
		case cloud.Retryable(err):
			time.Sleep(turn)
		default:
			p.t.Errorf("submit %d: %v", i, err)
			return
		}
	}
	for {
		time.Sleep(turn)
		job, err := p.api.Job(p.t.Context(), id)
		switch {
		case errors.Is(err, cloud.ErrThrottled):
		case err != nil:
			p.t.Errorf("poll %d: %v", i, err)
			return
		case job.State.Ended():
			p.mu.Lock()
			p.seen[asset] = p.now()
			p.mu.Unlock()
			return
		}
	}
}

func (p *naive) request(i int) cloud.JobRequest {
	return cloud.JobRequest{
		Token: fmt.Sprintf("naive-%d", i), Role: p.role, Metadata: map[string]string{"asset": fmt.Sprint(i)},
		Spec: cloud.JobSpec{
			Input: cloud.Location{Bucket: fleet.Library, Key: key(i)}, Audio: 1,
			Groups: []cloud.OutputGroup{{
				Package: "mp4", Kind: cloud.GroupFile, Destination: cloud.Location{Bucket: fleet.Streams, Key: fmt.Sprintf("media/%d/video", i)},
				Outputs: []cloud.Output{{
					Video: &cloud.Video{Height: 720, MaxBitrate: 4_000_000, Quality: 8, GOP: 2 * time.Second},
					Audio: &cloud.Audio{Bitrate: 128_000, SampleRate: 48000},
				}},
			}},
		},
	}
}
