package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"

	"github.com/vodfleet/vodfleet/tasks"
)

// A backend that has stored a video asks for its streams. Nothing but the
// bucket and the key is needed.
func Example() {
	redis := startRedis() // the fleet's own Redis, in production
	defer redis.Close()

	opt, err := asynq.ParseRedisURI("redis://" + redis.Addr())
	if err != nil {
		log.Fatal(err)
	}
	client, err := tasks.NewClient(opt)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	video := tasks.Ingest{Bucket: "library", Key: "2026/intro.mp4", Reference: "order 7"}
	receipt, err := client.Enqueue(context.Background(), video)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("asset", tasks.AssetID(video.Bucket, video.Key))
	fmt.Println("queue", receipt.Queue)
	fmt.Println("new", receipt.New)
	// Output:
	// asset ICZ3VBAZ2JXCIKFB5LKWQQXQTE
	// queue ingest
	// new true
}

// With the source version, which a PutObject answer or an S3 event gives, a
// repeat meets the first task.
func ExampleClient_Enqueue_repeat() {
	redis := startRedis()
	defer redis.Close()
	client, err := tasks.NewClient(asynq.RedisClientOpt{Addr: redis.Addr()})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	video := tasks.Ingest{
		Bucket:        "library",
		Key:           "2026/intro.mp4",
		SourceVersion: tasks.SourceVersion(`"9b2cf535f27731c974343645a3985328"`, 73_400_320),
	}
	for range 2 {
		receipt, err := client.Enqueue(context.Background(), video)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(receipt.ID, receipt.New)
	}
	// Output:
	// ingest:ICZ3VBAZ2JXCIKFB5LKWQQXQTE:5TAJX74OEX7TU3FG:default true
	// ingest:ICZ3VBAZ2JXCIKFB5LKWQQXQTE:5TAJX74OEX7TU3FG:default false
}

// A whole library goes into the bulk lane, which yields to videos that
// somebody waits for.
func ExampleIngest_bulk() {
	video := tasks.Ingest{Bucket: "library", Key: "1998/tape 12.avi", Lane: tasks.Bulk}
	fmt.Println(video.Queue())
	// Output: bulk-ingest
}

// A mistake in the payload is found before Redis is asked.
func ExampleIngest_Validate() {
	fmt.Println(tasks.Ingest{Bucket: "My_Library", Key: "a.mp4"}.Validate())
	// Output: ingest task: bucket: character 1 is not a lower-case letter, a digit, a dot or a hyphen
}

// A reader of the queue tells what a newer fleet wrote from what is broken.
func ExampleDecode() {
	_, err := tasks.Decode(tasks.KindIngest, []byte(`{"v":2,"bucket":"library"}`))
	fmt.Println(errors.Is(err, tasks.ErrVersion), errors.Is(err, tasks.ErrPayload))
	// Output: true false
}

func startRedis() *miniredis.Miniredis {
	redis, err := miniredis.Run()
	if err != nil {
		log.Fatal(err)
	}
	return redis
}
