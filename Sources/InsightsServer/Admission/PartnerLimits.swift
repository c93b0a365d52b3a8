/// What one partner may have of the server at once, so that the others have theirs.
struct PartnerLimits: Sendable {
    let rate: RateLimiter
    let memory: PartnerMemory
    let exports: ExportSlots
}
