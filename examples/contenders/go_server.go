// A goroutine for each connection: go_server HOST:PORT
//
// The runtime runs goroutines on a thread per CPU, and starts another thread for each that is in a blocking system call.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"os"
)

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(conn) // With TCP_NODELAY, which is Go's default.
	}
}

func serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	prefix := make([]byte, 4)
	for {
		if _, err := io.ReadFull(in, prefix); err != nil {
			return
		}
		length := binary.LittleEndian.Uint32(prefix)
		if length > maxFrame {
			conn.Write(failure("frame_too_large", fmt.Sprintf("%d bytes are over %d", length, maxFrame)))
			return
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(in, body); err != nil {
			return
		}
		if _, err := conn.Write(answer(body)); err != nil {
			return
		}
	}
}

func frame(out, result string) []byte {
	body := `{"out":"` + out + `","result":` + result + "}"
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(body))), body...)
}
