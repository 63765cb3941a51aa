package queue

import (
	"fmt"
	"time"

	_ "github.com/hibiken/asynq" // registers asynq.TaskMessage
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// record is what Asynq keeps of a task in the field "msg" of its key.
type record struct {
	queue, id, kind string
	payload         []byte
	retried         int
	lastErr         string
	lastFailed      time.Time
}

// message decodes a record as Asynq does, with Asynq's own type, which its
// package does not export.
func message(b []byte) (protoreflect.Message, error) {
	t, err := protoregistry.GlobalTypes.FindMessageByName("asynq.TaskMessage")
	if err != nil {
		return nil, err
	}
	m := t.New()
	if err := proto.Unmarshal(b, m.Interface()); err != nil {
		return nil, err
	}
	return m, nil
}

func field(m protoreflect.Message, name protoreflect.Name) protoreflect.Value {
	f := m.Descriptor().Fields().ByName(name)
	if f == nil {
		return protoreflect.Value{}
	}
	return m.Get(f)
}

// readRecord decodes the record of a task. One that names another task is as
// useless as one that cannot be decoded: Asynq finds nothing to move.
func readRecord(ref TaskRef, b []byte) (record, error) {
	m, err := message(b)
	if err != nil {
		return record{}, fmt.Errorf("record of %d bytes: %w", len(b), err)
	}
	r := record{
		queue:   field(m, "queue").String(),
		id:      field(m, "id").String(),
		kind:    field(m, "type").String(),
		payload: field(m, "payload").Bytes(),
		retried: int(field(m, "retried").Int()),
		lastErr: field(m, "error_msg").String(),
	}
	if at := field(m, "last_failed_at").Int(); at != 0 {
		r.lastFailed = time.Unix(at, 0)
	}
	if r.queue != ref.Queue || r.id != ref.ID {
		return record{}, fmt.Errorf("record of %d bytes: it is another task's", len(b))
	}
	return r, nil
}

// freshRecord is the record with its failures forgotten.
func freshRecord(b []byte) ([]byte, error) {
	m, err := message(b)
	if err != nil {
		return nil, err
	}
	for _, name := range []protoreflect.Name{"retried", "error_msg", "last_failed_at"} {
		m.Clear(m.Descriptor().Fields().ByName(name))
	}
	return proto.Marshal(m.Interface())
}
