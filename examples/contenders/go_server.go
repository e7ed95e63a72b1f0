// A goroutine for each connection: go_server HOST:PORT
//
// The runtime runs goroutines on a thread per CPU, and starts another thread for each that is in a blocking system call.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	for {
		if conn, err := listener.Accept(); err == nil {
			go serve(conn) // With TCP_NODELAY, which is Go's default.
		}
	}
}

func serve(conn net.Conn) {
	defer conn.Close()
	in, length := bufio.NewReader(conn), uint32(0)
	for binary.Read(in, binary.LittleEndian, &length) == nil && length <= 1<<20 {
		body := make([]byte, length)
		if _, err := io.ReadFull(in, body); err != nil {
			return
		}
		conn.Write(answer(body))
	}
	if length > 1<<20 {
		conn.Write(failure("frame_too_large", fmt.Sprint(length, " bytes are over ", 1<<20)))
	}
}

func answer(body []byte) []byte {
	var request struct {
		In     *string
		Params json.RawMessage
	}
	if !utf8.Valid(body) || json.Unmarshal(body, &request) != nil || request.In == nil || request.Params == nil {
		return failure("bad_request", "not an object with in, a string, and params")
	}
	var work struct {
		CPU   uint `json:"cpu_us"`
		Wait  uint `json:"wait_ms"`
		Block bool `json:"block"`
		Reply uint `json:"reply_bytes"`
	}
	op, result, terms := *request.In, string(request.Params), uint(0)
	into, known := map[string]any{"ping": new(any), "pi": &terms, "spin": &work.CPU, "sleep": &work.Wait,
		"block": &work.Wait, "blob": &work.Reply, "work": &work}[op]
	if !known {
		return failure("unknown_operation", fmt.Sprintf("there is no operation %.100q", op))
	}
	strict := json.NewDecoder(strings.NewReader(result))
	strict.DisallowUnknownFields()
	if op != "ping" && (strict.Decode(into) != nil || result == "null") || terms > 1e7 || work.CPU > 1e7 ||
		work.Wait > 6e4 || work.Reply > 1<<20-64 {
		return failure("bad_params", op+" does not take these params, or not so much")
	}
	for start := time.Now(); time.Since(start) < time.Duration(work.CPU)*time.Microsecond; {
	}
	wait := time.Duration(work.Wait) * time.Millisecond
	if rest := syscall.NsecToTimespec(int64(wait)); work.Block || op == "block" {
		for syscall.Nanosleep(&rest, &rest) == syscall.EINTR {
		}
	} else {
		time.Sleep(wait)
	}
	switch op {
	case "pi":
		sum := 0.0
		for i := uint(0); i <= terms; i++ {
			sum += 1 / float64((2*i+1)*(2*i+1))
		}
		result = fmt.Sprint(math.Sqrt(8 * sum))
	case "blob", "work":
		result = `"` + strings.Repeat("x", int(work.Reply)) + `"`
	}
	return frame(outs[op], result)
}

var outs = map[string]string{"ping": "pong", "pi": "pi_r", "spin": "spun", "sleep": "slept", "block": "blocked",
	"blob": "blob", "work": "worked"}

func frame(out, result string) []byte {
	body := `{"out":"` + out + `","result":` + result + "}"
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func failure(code, message string) []byte {
	result, _ := json.Marshal(map[string]string{"code": code, "message": message})
	return frame("error", string(result))
}
