import EventLoop
import Testing

@Suite struct FifoTests {
    @Test func fifoKeepsItsOrderThroughAnything() {
        var fifo = Fifo<Int>()
        var model: [Int] = []
        for step in 0..<5000 {
            if step % 7 == 6 {
                fifo.prepend([-step, -step - 1])
                model.insert(contentsOf: [-step, -step - 1], at: 0)
            } else if step % 3 == 0 || step % 1000 > 700 {
                #expect(fifo.popFirst() == (model.isEmpty ? nil : model.removeFirst()))
            } else {
                fifo.append(step)
                model.append(step)
            }
            #expect(fifo.count == model.count && fifo.first == model.first)
        }
        #expect(fifo.takeAll() == model)
        #expect(fifo.isEmpty && fifo.popFirst() == nil)
    }
}
