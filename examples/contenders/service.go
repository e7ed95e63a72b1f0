// What each operation does, in Go. The server is in go_server.go.
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

const maxFrame = 1 << 20

type work struct {
	CPU   uint `json:"cpu_us"`
	Wait  uint `json:"wait_ms"`
	Block bool `json:"block"`
	Reply uint `json:"reply_bytes"`
	terms uint
}

func answer(body []byte) []byte {
	var request struct {
		In     *string
		Params json.RawMessage
	}
	if !utf8.Valid(body) || json.Unmarshal(body, &request) != nil || request.In == nil || request.Params == nil {
		return failure("bad_request", "not an object with in, a string, and params")
	}
	op, params, w := *request.In, string(request.Params), work{}
	if op == "ping" {
		return frame("pong", params)
	}
	var out string
	var into any
	switch op {
	case "pi":
		out, into = "pi_r", &w.terms
	case "spin":
		out, into = "spun", &w.CPU
	case "sleep":
		out, into = "slept", &w.Wait
	case "block":
		out, into, w.Block = "blocked", &w.Wait, true
	case "blob":
		out, into = "blob", &w.Reply
	case "work":
		out, into = "worked", &w
	default:
		return failure("unknown_operation", fmt.Sprintf("there is no operation %.100q", op))
	}
	decoder := json.NewDecoder(strings.NewReader(params))
	decoder.DisallowUnknownFields()
	if decoder.Decode(into) != nil || params == "null" ||
		w.terms > 1e7 || w.CPU > 1e7 || w.Wait > 6e4 || w.Reply > maxFrame-64 {
		return failure("bad_params", op+" does not take these params, or not so much")
	}
	w.run()
	switch op {
	case "pi":
		return frame(out, strconv.FormatFloat(pi(w.terms), 'g', -1, 64))
	case "blob", "work":
		return frame(out, `"`+strings.Repeat("x", int(w.Reply))+`"`)
	}
	return frame(out, params)
}

func (w work) run() {
	for start := time.Now(); time.Since(start) < time.Duration(w.CPU)*time.Microsecond; {
	}
	wait := time.Duration(w.Wait) * time.Millisecond
	if !w.Block {
		time.Sleep(wait)
		return
	}
	// A system call keeps its thread. time.Sleep would leave it to other goroutines.
	for rest := syscall.NsecToTimespec(wait.Nanoseconds()); syscall.Nanosleep(&rest, &rest) == syscall.EINTR; {
	}
}

func pi(terms uint) (sum float64) {
	for i := uint(0); i <= terms; i++ {
		sum += 1 / float64((2*i+1)*(2*i+1))
	}
	return math.Sqrt(8 * sum)
}

func failure(code, message string) []byte {
	result, _ := json.Marshal(map[string]string{"code": code, "message": message})
	return frame("error", string(result))
}
