//! The verifier's stable codes: one per way in which a history can be wrong.
//! Declares them and says what each means; finds nothing.

/// Declares the codes and the table that `explain` shows.
macro_rules! codes {
    ($($name:ident = $code:literal, $about:literal;)*) => {
        $(pub const $name: &str = $code;)*
        /// Every code of the verifier with what it means.
        pub const CODES: &[(&str, &str)] = &[$(($code, $about)),*];
    };
}

codes! {
    FORMAT = "CS0801", "A line is not an entry in its one canonical form, or of a kind that is not known.";
    CHAIN = "CS0802", "The chain is broken: run, seq or prev is not what the entry before demands.";
    CLOCK_BACK = "CS0803", "An entry's time is earlier than that of the entry before.";
    EPOCH = "CS0804", "An entry stands under an epoch that nobody signed on for, or that is over.";
    OPENING = "CS0805", "A run begins with run_opened and its starter's first signed_on; here it does not.";
    SIGNATURE = "CS0806", "A statement can't be read, or its signature is not good.";
    HEAD = "CS0807", "A statement is about another history: run, mode, size, root or a digest in force differs.";
    PERSON = "CS0808", "Person, party, role or key of a statement are not as the people file in force has them.";
    REUSED = "CS0809", "A statement or its nonce was used before in this run.";
    ENVELOPE = "CS0810", "An entry and the statement it carries do not say the same.";
    AHEAD = "CS0811", "A statement's clock is more than 2 minutes ahead of the entry that carries it.";
    OBJECT = "CS0812", "An object that a digest in force names is missing, or has another digest.";
    FORM = "CS0813", "The plan, people, operations or items object is not of its form, or names other digests.";
    PEOPLE_SIGNED = "CS0814", "The people file of a live or simulated run is not signed by one person of each party.";
    REHEARSAL_KEY = "CS0815", "A key that anybody can make again was used outside a rehearsal.";
    TRUST = "CS0816", "A person signed with another key than the one in a --trust file.";
    ASKED = "CS0820", "A request differs from the plan.";
    REFUSED = "CS0821", "An approval, denial or revocation could not be accepted over its request.";
    CLOCKS = "CS0822", "A request's approve-by or run-by is later than the plan allows.";
    ENDED = "CS0823", "A request is said to have ended for a reason that did not hold.";
    STEP = "CS0830", "A step, stage, item or direction is not one of the plan's.";
    ANCHOR = "CS0831", "A changing step was asked for or begun before its anchor was captured and proved.";
    TWO_OPEN = "CS0832", "A step was begun again while its last operation was open.";
    UNPAID = "CS0833", "An operation began without the approvals that the plan demands.";
    SPENT = "CS0834", "Approvals were spent twice.";
    OPERATION = "CS0835", "What was done is not what was approved, or not what the plan's template allows.";
    LATE = "CS0836", "An operation began, or was to be sent, later than its clocks allow.";
    NUMBERS = "CS0837", "The numbers of attempts and tries do not follow from what happened before.";
    PERFORMER = "CS0838", "Who began the step was not signed on for it.";
    CONFIRM = "CS0839", "A step began without its performer's confirmation.";
    NO_INTENT = "CS0840", "A step that changes something has an outcome without an intent.";
    OUTCOME = "CS0841", "An outcome or observation does not fit the operation that it names.";
    BY_WORD = "CS0842", "An operation in doubt was settled by word without the approval that this needs.";
    TASK = "CS0843", "A task of people is done without their signed word.";
    HOLD = "CS0844", "A hold was begun, proved or released otherwise than the plan says, or was not live and fresh where it must be.";
    OPEN_AT_CLOSE = "CS0850", "The run was closed with an operation open or a hold not released.";
    CLOSE = "CS0851", "What the closing entry (or a witness) says is not what happened.";
    AFTER_CLOSE = "CS0852", "Something other than witness or checkpoint follows the closing entry.";
    AFTER_HAND_OVER = "CS0853", "Something other than the successor's sign-on follows a hand-over.";
    CHECKPOINT = "CS0854", "A checkpoint's root is not the root of that many entries.";
    COPY = "CS0855", "A seat began in another copy of the journal without a hand-over or the word of each party.";
    SESSION = "CS0856", "A session is not as the plan has it, or of another mode than the run.";
    CHANGE = "CS0860", "An amendment or a change of people lacks a signature, or changes what it may not.";
    GLASS = "CS0861", "A break-glass statement is not by a person who may make one.";
    DIVERGED = "CS0890", "The history contradicts a head that somebody holds.";
}
