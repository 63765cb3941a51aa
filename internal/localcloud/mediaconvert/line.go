package mediaconvert

import "container/heap"

// lineup is the jobs that wait in a queue: by priority, then by creation.
type lineup struct{ jobs []*job }

func (l *lineup) add(j *job) { heap.Push(l, j) }

// peek returns the next job that still waits, or nil.
func (l *lineup) peek() *job {
	for len(l.jobs) > 0 {
		if l.jobs[0].Status == statusSubmitted {
			return l.jobs[0]
		}
		heap.Pop(l)
	}
	return nil
}

func (l *lineup) Len() int { return len(l.jobs) }

func (l *lineup) Less(a, b int) bool {
	x, y := l.jobs[a], l.jobs[b]
	if x.Priority != y.Priority {
		return x.Priority > y.Priority
	}
	return x.Seq < y.Seq
}

func (l *lineup) Swap(a, b int) { l.jobs[a], l.jobs[b] = l.jobs[b], l.jobs[a] }

func (l *lineup) Push(x any) { l.jobs = append(l.jobs, x.(*job)) }

func (l *lineup) Pop() any {
	last := len(l.jobs) - 1
	j := l.jobs[last]
	l.jobs[last] = nil
	l.jobs = l.jobs[:last]
	return j
}

// line returns the lineup of a queue. The caller holds s.mu.
func (s *Service) line(queue string) *lineup {
	l := s.waiting[queue]
	if l == nil {
		l = new(lineup)
		s.waiting[queue] = l
	}
	return l
}
